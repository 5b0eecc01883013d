# SPDX-License-Identifier: Apache-2.0
"""How a result, a calibration and a video's facts look on a terminal."""

from typing import TYPE_CHECKING, Final

from rich.text import Text

from ovpo.cli.output import Column, console, facts, print_table
from ovpo.cli.words import UNKNOWN, printable, size
from ovpo.sop.explain.marks import MARKS, deviations_of, label
from ovpo.sop.explain.wording import clock, span
from ovpo.sop.result import Deviation, Metric, Result, StepResult, Verdict

if TYPE_CHECKING:
    from ovpo.sop.calibration.calibration import Calibration
    from ovpo.sop.video.probing import Probe

LOOKS: Final = {
    Verdict.PASS: ("✓ pass", "bold green"),
    Verdict.FAIL: ("✗ fail", "bold red"),
    Verdict.NEEDS_REVIEW: ("? needs review", "bold yellow"),
    Verdict.CANNOT_JUDGE: (f"{UNKNOWN} cannot judge", "bold"),
}
EVERYTHING: Final = "--json has everything"
LEAST_LOSS: Final = 0.05
"""Metrics that cost less are left to the JSON."""
COSTS: Final[tuple[Column[Metric], ...]] = (
    Column("lost_by", lambda metric: metric.name.replace("_", " ")),
    Column("value", lambda metric: metric.value, lambda value: f"{value:.3f}", right=True),
    Column("weight", lambda metric: metric.weight, lambda weight: f"{weight:g}", right=True),
    Column("points", lambda metric: metric.loss, lambda loss: f"{loss:.2f}", right=True),
)


def print_result(result: Result) -> None:
    """Print the verdict and why, then the steps, the deviations, and what the points were lost by."""
    screen = console()
    score = "no score" if result.score is None else f"{result.score:g} of 100 points, {result.threshold:g} pass"
    screen.print(Text.assemble(LOOKS[result.verdict], f"  {score}  {printable(result.task_id)}"))
    for reason in result.reasons:
        screen.print(Text(f"{reason.code}: {printable(reason.sentence)}"))
    screen.print(
        facts(
            [
                ("gold", f"{result.gold.name}, {clock(result.gold.seconds)}"),
                ("trainee", f"{result.trainee.name}, {clock(result.trainee.seconds)}"),
                ("made with", ", ".join(filter(None, (result.versions.embedder, result.versions.adapter)))),
                ("calibrated by", result.versions.calibration),
            ]
        )
    )
    if result.steps and result.verdict is not Verdict.CANNOT_JUDGE:
        screen.print()
        print_table(result.steps, _steps(result), EVERYTHING)
    if result.deviations:
        screen.print()
        print_table(tuple(enumerate(result.deviations, 1)), DEVIATIONS, EVERYTHING)
    costs = [metric for metric in result.metrics if metric.loss >= LEAST_LOSS]
    if costs:
        screen.print()
        print_table(sorted(costs, key=lambda metric: -metric.loss), COSTS, EVERYTHING)


def print_calibration(calibration: "Calibration") -> None:
    """Print what was learnt."""
    console().print(
        facts(
            [
                ("learnt from", calibration.learnt_from),
                ("pairs", str(calibration.pairs)),
                *((name, f"{getattr(calibration, name):g}") for name in ("usual", "lowest", "same", "width", "again")),
            ]
        )
    )


def print_probe(probe: "Probe") -> None:
    """Print what a video is."""
    turned = f", turned by {probe.rotation}°" if probe.rotation else ""
    rate = "varying, on average " if probe.variable else ""
    console().print(
        facts(
            [
                ("container", probe.container),
                ("codec", probe.codec),
                ("picture", f"{probe.width} x {probe.height}{turned}{', mirrored' if probe.mirrored else ''}"),
                ("lasts", clock(probe.seconds)),
                ("frames", f"{probe.frames:,}, {rate}{probe.frames_per_second:.5g} a second"),
                ("sound", "yes" if probe.has_audio else "no"),
                ("size", size(probe.bytes)),
                ("sha256", probe.sha256),
            ]
        )
    )


def _steps(result: Result) -> tuple[Column[StepResult], ...]:
    return (
        Column("number", lambda step: step.number, heading="#", right=True),
        Column("step", lambda step: step.name, folds=True),
        Column("gold", lambda step: span(step.gold), spare=1),
        Column("trainee", lambda step: None if step.trainee is None else span(step.trainee)),
        Column("pace", lambda step: step.pace, lambda pace: f"{pace:.2f}", right=True),
        Column("similarity", lambda step: step.similarity, lambda value: f"{value:.2f}", right=True, spare=2),
        Column("state", lambda step: _state(result, step), lambda state: state),
    )


def _state(result: Result, step: StepResult) -> Text:
    found = deviations_of(result, step.number)
    critical = " (critical)" if step.critical else ""
    if found:
        return Text(", ".join(f"{label(*one)} {MARKS[one[1].type].words}" for one in found) + critical, "red")
    return Text("not found" + critical, "red") if step.trainee is None else Text("✓ done" + critical, "green")


DEVIATIONS: Final[tuple[Column[tuple[int, Deviation]], ...]] = (
    Column("label", lambda one: label(*one), heading=""),
    Column("deviation", lambda one: MARKS[one[1].type].words),
    Column("trainee", lambda one: span(one[1].trainee) if one[1].trainee else UNKNOWN),
    Column("confidence", lambda one: one[1].confidence, lambda value: f"{value:.0%}", right=True, spare=1),
    Column("severity", lambda one: one[1].severity, lambda value: f"{value:.0%}", right=True, spare=2),
    Column("sentence", lambda one: one[1].sentence, folds=True),
)
