# SPDX-License-Identifier: Apache-2.0
"""How far `ovpo sop` has come: a bar for each stage on standard error, if that is a terminal, gone when all is done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from ovpo.cli.words import printable


@contextmanager
def stages(quiet: bool) -> Iterator[Callable[[str, float], None]]:
    """Give what is to be told of each stage and the share of it that is done."""
    screen = Console(stderr=True, highlight=False, markup=False)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    known: dict[str, TaskID] = {}
    with Progress(*columns, console=screen, transient=True, disable=quiet or not screen.is_terminal) as bars:

        def told(stage: str, share: float) -> None:
            if stage not in known:
                known[stage] = bars.add_task(printable(stage), total=1.0)
            bars.update(known[stage], completed=share)

        yield told
