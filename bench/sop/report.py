# SPDX-License-Identifier: Apache-2.0
"""The tables that the benchmark prints."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.sop import measures
from bench.sop.judging import Judged
from bench.sop.scenes.takes import Fault
from ovpo.sop.result import Interval

_VERDICTS = ("pass", "needs_review", "fail", "cannot_judge", "error")
_TEXTS = ("", "goal", "seen", "ok", "alarms", "true", "found", "reasons")


def print_types(console: Console, judged: Sequence[Judged]) -> None:
    """Print how well each type of deviation is found."""
    table = _table("Deviations", "", "there", "told", "right", "precision", "recall", "F1", "only the time wrong")
    for kind, seen in measures.rates(judged).items():
        counts = (str(seen.true), str(seen.found), str(seen.right))
        shares = (f"{seen.precision:.3f}", f"{seen.recall:.3f}", f"{seen.f1:.3f}")
        table.add_row(kind.value, *counts, *shares, str(seen.near))
    console.print(table)
    console.print("right: type, steps, and half of the time (intersection over union ≥ 0.5; a missing step has none)\n")


def print_clean(console: Console, judged: Sequence[Judged]) -> None:
    """Print what was made of clean retakes."""
    headings = ("", "takes", "false alarms a take", "none", "≥ 95 and none", "least", "median", "passed", "alarms")
    table = _table("Clean retakes", *headings)
    for name, seen in measures.clean(judged).items():
        alarms = ", ".join(f"{kind} {count}" for kind, count in seen.alarms.items())
        shares = (f"{seen.without / seen.takes:.0%}", f"{seen.good / seen.takes:.0%}")
        scores = (f"{seen.least:.1f}", f"{seen.median:.1f}", f"{seen.passed / seen.takes:.0%}")
        table.add_row(name, str(seen.takes), f"{seen.false_alarms / seen.takes:.2f}", *shares, *scores, Text(alarms))
    console.print(table)


def print_boundaries(console: Console, judged: Sequence[Judged]) -> None:
    """Print how far found boundaries are from the true ones."""
    table = _table("Boundaries of steps", "", "count", "median, s", "p90, s")
    for name, errors in (
        ("trainee", [one.boundaries for one in judged]),
        ("gold", [one.gold_boundaries for one in judged]),
    ):
        seen = measures.quantiles(errors)
        if seen is not None:
            table.add_row(name, f"{sum(map(len, errors)):,}", *(f"{value:.2f}" for value in seen))
    console.print(table)


def print_ranks(console: Console, judged: Sequence[Judged]) -> None:
    """Print whether what is worse scores lower."""
    table = _table("Score and severity", "", "seen")
    for name, value in (
        ("Kendall's tau, 0 to 3 steps left out of one procedure", measures.rank_agreement(measures.graded(judged))),
        ("Kendall's tau, number of faults over all takes", measures.rank_agreement([measures.everything(judged)])),
        ("one slow step scores above one left out", measures.slow_above_skipped(judged)),
    ):
        table.add_row(name, f"{value:.3f}" if value is not None else "not measured")
    console.print(table)


def print_verdicts(console: Console, judged: Sequence[Judged]) -> None:
    """Print which verdict each kind of video got."""
    table = _table("Verdicts", "", *_VERDICTS)
    for name, counts in measures.verdicts(judged).items():
        table.add_row(name, *(str(counts[verdict]) for verdict in _VERDICTS))
    console.print(table)


def print_worst(console: Console, judged: Sequence[Judged], most: int) -> None:
    """Print the pairs with most that was missed or wrongly told."""
    for one in sorted(filter(measures.wrongs, judged), key=measures.wrongs, reverse=True)[:most]:
        score = f"{one.score:.1f}" if one.score is not None else "no score"
        console.rule(Text(f"{one.pair} · {one.nuisance} · {one.verdict} · {score}"), align="left")
        for index, fault in enumerate(one.truths):
            mark = "found " if index in {true for true, _ in one.hits} else "MISSED"
            console.print(Text(f"  {mark} {_told_fault(fault)}"))
        hit = {place for _, place in one.hits}
        for place, found in enumerate(one.founds):
            if place not in hit:
                told = f"{found.type} {found.steps} {_times(found.trainee)} at {found.confidence:.2f}"
                console.print(Text(f"  FALSE  {told}"))
        if one.error or one.reasons:
            console.print(Text(f"  {one.error or ', '.join(one.reasons)}"))


def _told_fault(fault: Fault) -> str:
    return f"{fault.type} {fault.steps} {_times(fault.trainee)}, gold {_times(fault.gold)}"


def _times(interval: Interval | None) -> str:
    return f"{interval.start:.1f} to {interval.end:.1f} s" if interval is not None else "no time"


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, box=None, header_style="bold", title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="left" if heading in _TEXTS else "right")
    return table
