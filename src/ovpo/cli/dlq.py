# SPDX-License-Identifier: Apache-2.0
"""`ovpo dlq`: an operator's hands on the dead letters of the telemetry queue. What a letter holds is said elsewhere."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Final, Literal, NoReturn, TypeVar

import msgspec
import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ovpo.cli import show as look
from ovpo.foundation.broker.errors import BrokerError, DeadLetterNotFoundError
from ovpo.foundation.observability import logs
from ovpo.foundation.settings.load import load
from ovpo.foundation.settings.tree import LogLevel
from ovpo.telemetry.dead_letters import Letter, Summary, is_meant, summary, whole
from ovpo.telemetry.queue import QUEUE

if TYPE_CHECKING:
    from ovpo.foundation.broker.interface import DeadLetters
    from ovpo.foundation.broker.message import DeadLetter

FAILED: Final = 1
USAGE: Final = 2
PAGE: Final = 500
ROWS_OF_ITEMS: Final = 20
Given = TypeVar("Given")

Id = Annotated[str, typer.Argument(metavar="ID", help="A letter's id, as `ovpo dlq list` prints it.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Letters' ids, as `ovpo dlq list` prints them.")]
SomeIds = Annotated[
    list[str] | None, typer.Argument(metavar="ID...", help="Letters' ids, as `ovpo dlq list` prints them; or --all.")
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many letters at most.")]
After = Annotated[str | None, typer.Option("--after", metavar="ID", help="Begin after this letter: the next page.")]
Tenant = Annotated[str | None, typer.Option("--tenant", help="Only letters of this tenant.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Only letters whose reason holds this text.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
Payload = Annotated[
    bool, typer.Option("--payload", help="Write the payload's bytes and nothing else; it may hold personal data.")
]
All = Annotated[bool, typer.Option("--all", help="Every letter that is there now, or those that are chosen below.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]

app = typer.Typer(
    help="Look at messages of the telemetry queue that were given up, and put them back or remove them.",
    no_args_is_help=True,
)


@dataclass
class Toll:
    """How far a walk over letters came."""

    done: int = 0
    gone: list[DeadLetterNotFoundError] = field(default_factory=list)
    broke: BrokerError | None = None


@app.command("list")
def list_letters(limit: Limit = 20, after: After = None, tenant: Tenant = None, as_json: AsJson = False) -> None:
    """List dead letters, the oldest first: when and why each died, after how many attempts.

    A dead letter is a message that the processor could not take: damaged, or failed in every attempt. Nothing of it is
    lost: mend what the reason names, then `ovpo dlq replay`.
    """

    async def read(letters: "DeadLetters") -> list[Summary]:
        by = PAGE if tenant else min(limit + 1, PAGE)
        found: list[Summary] = []
        async for letter in _walk(letters, after, by):
            if is_meant(letter, tenant, None):
                found.append(summary(letter))
            if len(found) > limit:
                break
        return found

    found = _at_the_letters(read)
    shown, further = found[:limit], len(found) > limit
    if as_json:
        _print_json({"queue": QUEUE.name, "letters": shown, "next_after": shown[-1].id if further else None})
        return
    whose = (f" of tenant {tenant}" if tenant else "") + (f" after {after}" if after else "")
    if not shown:
        typer.echo(f"No dead letters{whose}.")
        return
    look.console().print(_table(shown))
    if further:
        again = f" --tenant {tenant}" if tenant else ""
        typer.echo(f"There are more: ovpo dlq list --after {shown[-1].id} --limit {limit}{again}")
    else:
        typer.echo("These are all." if after is None else "There are no more.")


@app.command()
def show(letter_id: Id, payload: Payload = False, as_json: AsJson = False) -> None:
    """Show one letter: its reason, its headers, and which items it holds, or why it cannot be read.

    Only ids are shown of the items. `--payload` writes the message itself, byte for byte, for a file or a pipe.
    """
    if payload and as_json:
        _misused("--payload writes bytes, --json an object; give one of them")
    if payload:
        sys.stdout.buffer.write(_at_the_letters(lambda letters: letters.payload(letter_id)))
        return

    async def read(letters: "DeadLetters") -> Letter:
        return whole(await letters.inspect(letter_id), await letters.payload(letter_id))

    letter = _at_the_letters(read)
    if as_json:
        _print_json(letter)
    else:
        _print_letter(letter)


@app.command()
def replay(
    ids: SomeIds = None, every: All = False, tenant: Tenant = None, reason: Reason = None, yes: Yes = False
) -> None:
    """Put letters back into the queue, with all their attempts anew.

    Name them, or say `--all`, which `--tenant` and `--reason` narrow. Letters that die while this runs are left alone.
    """
    if bool(ids) is every:
        _misused("name the letters to replay by their ids, or say --all; `ovpo dlq list` shows what there is")
    if not every and (tenant is not None or reason is not None):
        _misused("--tenant and --reason narrow --all; leave them out where letters are named")
    chosen = ids or _at_the_letters(lambda letters: _chosen(letters, tenant, reason))
    if not chosen:
        typer.echo("No dead letters match; nothing was replayed.")
        return
    if every:
        _make_sure(f"Put {_count(len(chosen))} back into the queue {QUEUE.name}?", yes)
    _tell(_at_the_letters(lambda letters: _each(chosen, letters.replay)), "put back into the queue")


@app.command()
def remove(ids: Ids, yes: Yes = False) -> None:
    """Remove letters for ever; nothing brings them back.

    `ovpo dlq show ID --payload > FILE` keeps a copy of what is in one.
    """
    _make_sure(f"Remove {_count(len(set(ids)))} for ever?", yes)
    _tell(_at_the_letters(lambda letters: _each(ids, letters.remove)), "removed")


def _at_the_letters(use: Callable[["DeadLetters"], Awaitable[Given]]) -> Given:
    """Open the broker, let its dead letters be used, close it."""
    from ovpo.foundation.broker.connect import open_broker

    settings = load()
    logs.configure(settings.log.model_copy(update={"level": LogLevel.ERROR}), "dlq")

    async def used() -> Given:
        broker = await open_broker(settings.broker)
        try:
            await broker.ensure(QUEUE)
            return await use(broker.dead_letters(QUEUE))
        finally:
            await broker.close()

    return asyncio.run(used())


async def _walk(letters: "DeadLetters", after: str | None, by: int) -> "AsyncIterator[DeadLetter]":
    while page := await letters.page(after, by):
        for letter in page:
            yield letter
        if len(page) < by:
            return
        after = page[-1].letter_id


async def _chosen(letters: "DeadLetters", tenant: str | None, reason: str | None) -> list[str]:
    """Settle on letters before any is put back: one that dies again at once would be met again for ever."""
    return [letter.letter_id async for letter in _walk(letters, None, PAGE) if is_meant(letter, tenant, reason)]


async def _each(ids: Iterable[str], act: Callable[[str], Awaitable[None]]) -> Toll:
    """Act on one letter after the other, so that messages of one trace keep their order."""
    toll = Toll()
    for letter_id in dict.fromkeys(ids):
        try:
            await act(letter_id)
            toll.done += 1
        except DeadLetterNotFoundError as gone:
            toll.gone.append(gone)
        except BrokerError as error:
            toll.broke = error
            break
    return toll


def _tell(toll: Toll, what: str) -> None:
    """Say how many it were, then what went wrong."""
    typer.echo(f"{_count(toll.done)} {what}.")
    for gone in toll.gone:
        typer.echo(f"ovpo: {gone}", err=True)
    if toll.broke:
        raise toll.broke
    if toll.gone:
        raise typer.Exit(FAILED)


def _make_sure(question: str, yes: bool) -> None:
    """Ask a person; where nobody can answer, do nothing."""
    if yes:
        return
    if not sys.stdin.isatty():
        _misused(f"{question} Nobody is there to answer; say --yes")
    typer.confirm(question, abort=True, err=True)


def _misused(message: str) -> NoReturn:
    typer.echo(f"ovpo: {message}", err=True)
    raise typer.Exit(USAGE)


def _count(letters: int) -> str:
    return f"{letters} dead letter" if letters == 1 else f"{letters} dead letters"


def _print_json(value: object) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def _table(letters: list[Summary]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("id", "died", "tenant", "attempts", "bytes", "reason"):
        justify: Literal["left", "right"] = "right" if heading in {"id", "attempts", "bytes"} else "left"
        table.add_column(heading, justify=justify, no_wrap=heading != "reason")
    for letter in letters:
        died = f"{letter.died_at:%Y-%m-%d %H:%M:%SZ}"
        reason = Text(letter.reason, no_wrap=True, overflow="ellipsis")
        table.add_row(letter.id, died, escape(letter.tenant), str(letter.attempts), str(letter.bytes), reason)
    return table


def _print_letter(letter: Letter) -> None:
    console = look.console()
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in (
        ("letter", letter.id),
        ("died", letter.died_at.isoformat()),
        ("reason", letter.reason),
        ("attempts", str(letter.attempts)),
        ("tenant", letter.tenant),
        ("trace", letter.trace),
        ("message", letter.message_id),
        ("its place", f"{letter.place} in the queue {QUEUE.name}"),
        ("bytes", str(letter.bytes)),
        *((f"header {name}", value) for name, value in letter.headers.items()),
        *([("received", letter.received_at.isoformat())] if letter.received_at else []),
    ):
        facts.add_row(escape(name), escape(value))
    console.print(facts)
    if letter.items is None:
        console.print(
            f"\n{escape(letter.unreadable or '')}\nPut back as it is, it dies again; --payload gives its bytes."
        )
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("item", "type", "id", "trace"):
        table.add_column(heading, justify="right" if heading == "item" else "left", overflow="fold")
    for index, item in enumerate(letter.items[:ROWS_OF_ITEMS]):
        table.add_row(str(index), item.type.value, escape(item.id), escape(item.trace_id))
    console.print()
    console.print(table)
    if len(letter.items) > ROWS_OF_ITEMS:
        console.print(f"and {len(letter.items) - ROWS_OF_ITEMS} more; --json lists them all")
