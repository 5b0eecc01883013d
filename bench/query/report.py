# SPDX-License-Identifier: Apache-2.0
"""The tables that the benchmark prints, and whether every goal was reached."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.goals import Goal, said
from bench.query.kinds import Kind
from bench.query.measuring import Seen
from bench.query.plans import Plan

P95 = 0.95


def time_goals(kinds: Sequence[Kind], measured: Mapping[str, Seen]) -> list[Goal]:
    """Hold what was measured against the kinds' goals; what is not there or was refused reaches none."""
    return [_time_goal(kind.name, kind.goal_ms, measured.get(kind.name)) for kind in kinds if kind.goal_ms is not None]


def fault_goal(measured: Mapping[str, Seen]) -> Goal:
    """Hold it against the service that it refused or failed."""
    faults = sum(len(seen.faults) for seen in measured.values())
    return Goal("requests that were not answered", "0", f"{faults:,}", faults == 0)


def plan_goal(plans: Sequence[Plan]) -> Goal:
    """Hold the plans against the goal that each uses an index."""
    without = sum(not plan.ok for plan in plans)
    return Goal("statements without an index", "0", f"{without} of {len(plans)}", bool(plans) and not without)


def scan_goal(before: Mapping[str, int], after: Mapping[str, int]) -> Goal:
    """Hold PostgreSQL's own count of sequential scans against none."""
    scans = {table: count - before.get(table, 0) for table, count in after.items() if count > before.get(table, 0)}
    seen = ", ".join(f"{table} {count:,}" for table, count in scans.items()) or "0"
    return Goal("sequential scans of traces, spans, trace_summaries meanwhile", "0", seen, not scans)


def print_times(console: Console, title: str, measured: Mapping[str, Seen]) -> None:
    """Print a line for each kind of request."""
    table = _table(title, "", "requests", "p50, ms", "p95, ms", "p99, ms", "most, ms", "rows", "kB")
    for name, seen in measured.items():
        if not seen.rows:
            table.add_row(name, f"{len(seen.milliseconds)}", Text(seen.faults[0] if seen.faults else "not there"))
            continue
        times = (f"{seen.quantile(share):.1f}" for share in (0.5, P95, 0.99, 1.0))
        table.add_row(name, f"{len(seen.milliseconds)}", *times, f"{seen.mean_rows:.0f}", f"{seen.mean_kilobytes:.0f}")
    console.print(table)
    for name, seen in measured.items():
        if seen.faults:
            console.print(Text(f"{name}: {len(seen.faults)} not answered, the first: {seen.faults[0]}"))


def print_memory(console: Console, held: Mapping[str, int]) -> None:
    """Print what each part holds in memory."""
    table = _table("Memory, shared pages counted once", "", "MB")
    for name, size in held.items():
        table.add_row(name, f"{size / 1e6:,.0f}")
    console.print(table)


def print_plans(console: Console, plans: Sequence[Plan], *, whole: bool) -> None:
    """Print what each statement scans; the whole plans where they are wanted."""
    table = _table("Plans", "asked by, and what it reads", "scans", "ms", "ok")
    for plan in plans:
        took = "" if plan.milliseconds is None else f"{plan.milliseconds:.1f}"
        table.add_row(Text(plan.of), Text("\n".join(plan.scans)), took, said(plan.ok))
    console.print(table)
    for plan in plans if whole else ():
        console.rule(Text(plan.of))
        console.print(Text(plan.text))


def _time_goal(name: str, most: float | None, seen: Seen | None) -> Goal:
    wanted = f"p95 < {most:,.0f} ms"
    if seen is None or not seen.rows:
        return Goal(name, wanted, "not there", ok=False)
    p95 = seen.quantile(P95)
    return Goal(name, wanted, f"{p95:,.1f} ms", not seen.faults and most is not None and p95 < most)


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, box=None, header_style="bold", title_justify="left")
    texts = ("", "scans", "ok", "goal", "asked by, and what it reads")
    for heading in headings:
        table.add_column(heading, justify="left" if heading in texts else "right")
    return table
