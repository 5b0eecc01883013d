# SPDX-License-Identifier: Apache-2.0
"""How a stack looks on a terminal: a line for each change, then a table of what is where."""

import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from ovpo.foundation.settings.tree import Settings
from ovpo.foundation.stack.state import Condition, PartState, Phase, StackState
from ovpo.governance.access.console import IssuedKey, seed

MARKS = {
    Condition.WAITING: "[dim]·[/]",
    Condition.STARTING: "[dim]…[/]",
    Condition.READY: "[green]✓[/]",
    Condition.RESTARTING: "[yellow]↻[/]",
    Condition.STOPPING: "[dim]…[/]",
    Condition.STOPPED: "[dim]■[/]",
    Condition.FAILED: "[red]✗[/]",
}
SAID = {Condition.READY, Condition.RESTARTING, Condition.STOPPED, Condition.FAILED}


WIDTH_IN_A_FILE = 140


def console() -> Console:
    """Print as wide as the terminal, and wide enough for every address where there is none."""
    made = Console(highlight=False)
    return made if made.is_terminal else Console(highlight=False, width=WIDTH_IN_A_FILE)


@dataclass
class Progress:
    """Says each change once, as it comes."""

    console: Console
    known: dict[str, PartState] = field(default_factory=dict)
    announced: bool = False

    def know(self, state: StackState) -> None:
        """Take a state for said already."""
        self.known = {part.name: part for part in state.parts}

    def tell(self, state: StackState) -> None:
        """Print what changed since the last state."""
        for part in state.parts:
            before = self.known.get(part.name)
            if part.condition in SAID and (before is None or before.since != part.since):
                self.console.print(_line(part, state))
            self.known[part.name] = part

    def announce(self, state: StackState, key: IssuedKey | None) -> None:
        """Print the table of addresses, and the first key if this is the first start."""
        self.announced = True
        self.console.print()
        self.console.print(table(state))
        self.console.print(f"\nReady in {time.time() - state.started:.1f} s.", end=" ")
        if key:
            self.console.print(
                f"\n\n  API key of tenant [bold]{key.tenant_id}[/]: [bold]{key.text}[/]"
                "\n  It is shown this once and kept only as a digest: put it away now."
            )
        else:
            self.console.print("The API key was printed at the first start.")


def table(state: StackState) -> Table:
    """Show every part in a row."""
    rows = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("", "part", "state", "address", "pid", "note"):
        rows.add_column(heading, justify="right" if heading == "pid" else "left", no_wrap=heading != "note")
    for part in state.parts:
        pid = str(part.identity.pid) if part.identity and part.condition is not Condition.STOPPED else ""
        rows.add_row(MARKS[part.condition], part.name, part.condition, part.address, pid, part.note)
    return rows


def first_key(settings: Settings, state: StackState) -> IssuedKey | None:
    """Seed the tenant and its key when the tables are there and hold none."""
    tables = [part for part in state.parts if part.name == "postgres-tables"]
    return seed(settings) if tables else None


def _line(part: PartState, state: StackState) -> str:
    took = f"{part.since - state.started:5.1f} s" if state.phase in {Phase.STARTING, Phase.READY} else ""
    note = f" [dim]{part.note}[/]" if part.note else ""
    where = f" {part.address}" if part.condition is Condition.READY and part.address else ""
    return f"{MARKS[part.condition]} {took} {part.title}{where}{note}"
