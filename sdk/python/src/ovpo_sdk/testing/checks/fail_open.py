# SPDX-License-Identifier: Apache-2.0
"""Whether the pipeline runs as ever while the collector does not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ovpo_sdk.testing.child import ChildError
from ovpo_sdk.testing.faults import Answering, Fault, Hanging
from ovpo_sdk.testing.findings import Finding, judged
from ovpo_sdk.testing.protocol import Outcome
from ovpo_sdk.testing.workbench import Run, Workbench, collector

NAME: Final = "fail-open"
ASKS: Final = "With the collector away, hanging, or answering nonsense, the result is the same and comes in time."
MARGIN_SECONDS: Final = 5.0
MARGIN_SHARE: Final = 0.25
"""A run may take this much longer in all, for what a machine with other work does to it, and for the wait at exit."""
REMEDY: Final = "send from a background thread, and bound every wait, also the last one at exit"
GRACE_SECONDS: Final = 5.0
"""How much later it is ended: one that is late by a little is told by how much."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One way in which a collector is of no use."""

    word: str
    fault: Fault | None
    """None where it is away altogether."""


TROUBLES: Final = (
    Trouble("away", None),
    Trouble("hanging", Hanging()),
    Trouble("answering 500", Answering(500, {"Content-Type": "application/json"}, b'{"error": {}}')),
    Trouble("answering garbage", Answering(200, {"Content-Type": "text/html"}, b"<!doctype html>\x00\xff{")),
)


def check(bench: Workbench) -> Finding:
    """Run it once in each trouble."""
    words = ", ".join(trouble.word for trouble in TROUBLES)
    alike = _ending(bench.healthy.outcome) == _ending(bench.again.outcome)
    same = "the same result" if alike else "the same ending (results differ between healthy runs, too)"
    return judged(NAME, _faults(bench, results_matter=alike), f"{same} and no wait with the collector {words}")


def _faults(bench: Workbench, *, results_matter: bool) -> Iterator[str]:
    usual = max(bench.healthy.seconds, bench.again.seconds)
    bound = usual * (1 + MARGIN_SHARE) + MARGIN_SECONDS
    for trouble in TROUBLES:
        beginning = f"with the collector {trouble.word}, the pipeline"
        with collector(trouble.fault, away=trouble.fault is None) as receiver:
            try:
                run = bench.run(receiver, bound + GRACE_SECONDS)
            except ChildError as error:
                yield (
                    f"{beginning} {error}, where {usual:.1f} s are usual: {REMEDY}"
                    if error.is_late
                    else (f"{beginning} {error}: let nothing that telemetry does end the process")
                )
                continue
        if fault := difference(bench.healthy, run, bound, results_matter=results_matter):
            yield f"{beginning} {fault}"


def difference(usual: Run, run: Run, bound: float, *, results_matter: bool) -> str | None:
    """Tell what came of a run that does not come of usual ones, as part of a sentence. Pure."""
    ours, theirs = run.outcome, usual.outcome
    if (ours.raised is None, ours.exit_status) != (theirs.raised is None, theirs.exit_status):
        return f"{run.ending()}, where it usually {usual.ending()}: catch what goes wrong with telemetry, and go on"
    if results_matter and ours.digest != theirs.digest:
        return "came to another result: let nothing that telemetry does or answers into what the pipeline makes"
    if run.seconds > bound:
        return f"took {run.seconds:.1f} s, where {usual.seconds:.1f} s are usual: {REMEDY}"
    return None


def _ending(outcome: Outcome) -> tuple[str, bool, int]:
    return outcome.digest, outcome.raised is None, outcome.exit_status
