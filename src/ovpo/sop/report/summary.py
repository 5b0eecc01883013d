# SPDX-License-Identifier: Apache-2.0
"""The first thing read: which procedure, the verdict, the score, and why."""

from datetime import UTC
from typing import Final

from msgspec import Struct
from reportlab.graphics.shapes import Drawing, Line, String
from reportlab.lib.colors import HexColor
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph, Spacer, Table, TableStyle

from ovpo.sop.explain.wording import DASH, clock
from ovpo.sop.report.fonts import BOLD, SANS
from ovpo.sop.report.styles import FAINT, GROUND, INK, QUIET, REASON, RULE, TITLE, WHITE, WIDTH, filled, words
from ovpo.sop.report.text import NAME, SENTENCE, printed
from ovpo.sop.result import Result, Verdict


class Look(Struct, frozen=True):
    """How a verdict is shown."""

    word: str
    sign: str
    colour: str


LOOKS: Final[dict[Verdict, Look]] = {
    Verdict.PASS: Look("PASS", "✔", "#1b7f4b"),
    Verdict.FAIL: Look("FAIL", "✘", "#b3261e"),
    Verdict.NEEDS_REVIEW: Look("NEEDS REVIEW", "?", "#8a5a00"),
    Verdict.CANNOT_JUDGE: Look("CANNOT JUDGE", DASH, "#4a5562"),
}
_BANNER: Final = 27 * mm
_LEFT: Final = 66 * mm
_MIDDLE: Final = 62 * mm


def summary(result: Result) -> list[Flowable]:
    """Give the head of the first page."""
    made = result.created_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    parts: list[Flowable] = [
        words(f"Procedure report · {made}", 80, QUIET),
        words(result.task_id, NAME, TITLE),
        words(f"Trainee's video {result.trainee.name}, compared with {result.gold.name}", 2 * NAME, QUIET),
        Spacer(0, 3 * mm),
        _banner(result),
        Spacer(0, 3 * mm),
    ]
    parts += [Paragraph(printed(reason.sentence, SENTENCE), REASON, bulletText="•") for reason in result.reasons]
    return parts


def _banner(result: Result) -> Table:
    look = LOOKS[result.verdict]
    colour = HexColor(look.colour)
    banner = Table(
        [[_verdict(look), _score(result), _counts(result)]],
        colWidths=[_LEFT, _MIDDLE, WIDTH - _LEFT - _MIDDLE],
        rowHeights=[_BANNER],
        hAlign="LEFT",
    )
    banner.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (0, 0), colour),
                ("BACKGROUND", (1, 0), (-1, 0), GROUND),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 0),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 0),
            ]
        )
    )
    return banner


def _verdict(look: Look) -> Drawing:
    drawing = Drawing(_LEFT, _BANNER)
    middle = _BANNER / 2
    size = 30 if len(look.word) < 6 else 15
    drawing.add(String(5 * mm, middle - 10, look.sign, fontName=BOLD, fontSize=28, fillColor=WHITE))
    drawing.add(String(17 * mm, middle - size * 0.36, look.word, fontName=BOLD, fontSize=size, fillColor=WHITE))
    return drawing


def _score(result: Result) -> Drawing:
    drawing = Drawing(_MIDDLE, _BANNER)
    left, wide = 7 * mm, _MIDDLE - 14 * mm
    if result.score is None:
        drawing.add(String(left, _BANNER / 2 - 4, "no score", fontName=BOLD, fontSize=14, fillColor=FAINT))
        return drawing
    shown = f"{result.score:.1f}"
    drawing.add(String(left, _BANNER - 13 * mm, shown, fontName=BOLD, fontSize=28, fillColor=INK))
    beside = left + 5 + 17.8 * len(shown)
    drawing.add(String(beside, _BANNER - 13 * mm, "of 100", fontName=SANS, fontSize=11, fillColor=FAINT))
    base = 8.4 * mm
    reached = wide * min(max(result.score, 0), 100) / 100
    drawing.add(filled(left, base, wide, 5, RULE))
    drawing.add(filled(left, base, reached, 5, HexColor(LOOKS[result.verdict].colour)))
    passing = left + wide * min(max(result.threshold, 0), 100) / 100
    drawing.add(Line(passing, base - 3, passing, base + 8, strokeColor=INK, strokeWidth=1.4))
    said = f"passes from {result.threshold:g}"
    drawing.add(String(passing, base - 11, said, fontName=SANS, fontSize=7.5, fillColor=INK, textAnchor="end"))
    return drawing


def _counts(result: Result) -> list[Paragraph]:
    line = ParagraphStyle("count", fontName=SANS, fontSize=9, leading=14, textColor=INK)
    done = sum(step.trainee is not None for step in result.steps)
    found = len(result.deviations)
    lines = []
    if result.steps and result.verdict is not Verdict.CANNOT_JUDGE:
        lines.append(f"<b>{done}</b> of <b>{len(result.steps)}</b> steps done")
        lines.append(f"<b>{found}</b> {'deviation' if found == 1 else 'deviations'}")
    lines.append(f"trainee <b>{clock(result.trainee.seconds)}</b>, gold <b>{clock(result.gold.seconds)}</b>")
    return [Paragraph(text, line) for text in lines]
