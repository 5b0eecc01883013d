# SPDX-License-Identifier: Apache-2.0
"""The table of steps: when each was done, how fast, how like the gold's, and what is wrong with it."""

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph

from ovpo.sop.explain.marks import MARKS, deviations_of, label
from ovpo.sop.explain.wording import DASH, span
from ovpo.sop.report.styles import HEAD, HEAD_RIGHT, RIGHT, SMALL, WIDTH, section, table, words
from ovpo.sop.report.text import NAME, printed
from ovpo.sop.result import Result, StepResult

_WIDTHS = (8 * mm, 0.0, 29 * mm, 29 * mm, 14 * mm, 18 * mm, 40 * mm)


def steps(result: Result) -> list[Flowable]:
    """Give the section of the steps; nothing where there are none."""
    if not result.steps:
        return []
    head = [
        Paragraph("#", HEAD),
        Paragraph("Step", HEAD),
        Paragraph("Gold", HEAD),
        Paragraph("Trainee", HEAD),
        Paragraph("Pace", HEAD_RIGHT),
        Paragraph("Similarity", HEAD_RIGHT),
        Paragraph("State", HEAD),
    ]
    widths = [width or WIDTH - sum(_WIDTHS) for width in _WIDTHS]
    hurt = [place for place, step in enumerate(result.steps, 1) if step.trainee is None]
    return [*section("Steps"), table([head, *(_row(result, step) for step in result.steps)], widths, shaded=hurt)]


def _row(result: Result, step: StepResult) -> list[Flowable]:
    critical = ' <font color="#b3261e">critical</font>' if step.critical else ""
    trainee = [step.trainee, *step.repeats] if step.trainee is not None else list(step.repeats)
    return [
        Paragraph(str(step.number), SMALL),
        Paragraph(printed(step.name, NAME) + critical, SMALL),
        Paragraph(span(step.gold), SMALL),
        Paragraph("<br/>".join(span(at) for at in trainee) or DASH, SMALL),
        Paragraph(DASH if step.pace is None else f"{step.pace:.2f}", RIGHT),
        Paragraph(DASH if step.similarity is None else f"{step.similarity:.2f}", RIGHT),
        _state(result, step),
    ]


def _state(result: Result, step: StepResult) -> Flowable:
    found = deviations_of(result, step.number)
    if found:
        lines = [
            f'<font color="{MARKS[one.type].colour}" name="OvpoSans-Bold">{label(number, one)}</font> '
            f"{MARKS[one.type].words}"
            for number, one in found[:6]
        ]
        if len(found) > len(lines):
            lines.append(f"and {len(found) - len(lines)} more")
        return Paragraph("<br/>".join(lines), SMALL)
    if step.trainee is None:
        return words("not found", 20, SMALL)
    return Paragraph('<font color="#1b7f4b">✔</font> done', SMALL)
