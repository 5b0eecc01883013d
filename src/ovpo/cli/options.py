# SPDX-License-Identifier: Apache-2.0
"""Options that several commands take, and what is read out of them: the server, the key, moments, ids."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from ovpo.cli.client import Client, calling
from ovpo.cli.exits import CommandError, Exit
from ovpo.cli.output import Output

LOCAL: Final = "http://127.0.0.1"
DEFAULT_PORT: Final = 8000
_AGO: Final = re.compile(r"([0-9]{1,6})([smhdw])")
_LENGTHS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        envvar="OVPO_SERVER",
        metavar="URL",
        help="Address of the query API; the one of this machine's stack unless given.",
        show_default=False,
        rich_help_panel="Connection",
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        envvar="OVPO_KEY",
        metavar="KEY",
        help="API key. Better exported: what stands on a command line is seen by others.",
        show_default=False,
        rich_help_panel="Connection",
    ),
]
As = Annotated[Output, typer.Option("--output", "-o", help="A table to read, the API's JSON, or CSV.")]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="WHEN",
        help="From this on: a day (UTC), a moment with its zone, or how long ago: 30m, 24h, 7d.",
    ),
]
Until = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Before this; written like --since.")]
Limit = Annotated[int | None, typer.Option("--limit", "-n", min=1, max=1000, help="Most rows; 20 unless given.")]
Every = Annotated[
    bool, typer.Option("--all", help="Every row, page after page; as JSON one object a line. --limit sizes the pages.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
TraceId = Annotated[str, typer.Argument(metavar="ID", help="The trace's whole id, of 36 characters.")]


def connected(server: str | None, key: str | None) -> AbstractContextManager[Client]:
    """Lend a client of the server that is named, or of the one that this machine's settings name."""
    return calling(server or _of_this_machine(), key)


def when(option: str, text: str | None, now: datetime) -> str | None:
    """Give a moment as the API takes it; what is no length of time is the API's to judge."""
    found = _AGO.fullmatch(text or "")
    if text is None or found is None:
        return text
    try:
        return (now - length(found[0])).isoformat()
    except OverflowError:
        raise CommandError(f"{option}: {text} ago is before the calendar begins", Exit.USAGE) from None


def length(text: str) -> timedelta:
    """Read a length of time such as 30m, 24h or 7d."""
    found = _AGO.fullmatch(text)
    if found is None:
        raise CommandError(f"a length of time is written 30m, 24h or 7d, not {text[:40]!r}", Exit.USAGE)
    return timedelta(**{_LENGTHS[found[2]]: int(found[1])})


def checked_id(text: str, lister: str = "ovpo traces list") -> str:
    """Refuse what is no whole id before anything is asked."""
    plain = text.strip().lower()
    if not _ID.fullmatch(plain):
        raise CommandError(
            f"ID takes a whole id of 36 characters, not {text[:40]!r}; `{lister} -o csv` prints whole ones", Exit.USAGE
        )
    return plain


def now() -> datetime:
    """Tell the time."""
    return datetime.now(UTC)


def names_of(module: str, kind: str, *, prefix: str = "") -> Callable[[str], list[str]]:
    """Complete an option with the names of an enumeration, which is imported only when a shell asks."""

    def complete(begun: str) -> list[str]:
        from importlib import import_module

        names = [one.value.removeprefix(prefix) for one in getattr(import_module(module), kind)]
        before, comma, last = begun.rpartition(",")
        return [before + comma + name for name in names if name.lower().startswith(last.lower())]

    return complete


def _of_this_machine() -> str:
    """Name the query API of the stack that the settings describe; settings that are wrong name none."""
    from ovpo.foundation.settings.faults import SettingsError
    from ovpo.foundation.settings.load import load

    try:
        return f"{LOCAL}:{load().query.port}"
    except SettingsError:
        return f"{LOCAL}:{DEFAULT_PORT}"
