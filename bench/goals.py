# SPDX-License-Identifier: Apache-2.0
"""What a benchmark is to reach, and the table that says whether it did."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True, slots=True)
class Goal:
    """What was to be, what was seen, and whether that is good."""

    name: str
    wanted: str
    seen: str
    ok: bool


def print_goals(console: Console, goals: Sequence[Goal]) -> None:
    """Print goal, seen, and whether that is good."""
    table = Table(title="Goals", box=None, header_style="bold", title_justify="left")
    for heading in ("", "goal", "seen", "ok"):
        table.add_column(heading, justify="right" if heading == "seen" else "left")
    for goal in goals:
        table.add_row(Text(goal.name), goal.wanted, goal.seen, said(goal.ok))
    console.print(table)


def said(ok: bool) -> Text:
    """Say yes or no so that it is seen."""
    return Text("yes", style="green") if ok else Text("NO", style="bold red")
