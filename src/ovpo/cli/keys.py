# SPDX-License-Identifier: Apache-2.0
"""`ovpo keys`: API keys, asked of the query API; with --console the first ones, as the role that owns the tables.

A new key's text is printed once, on standard output, and nowhere else.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

import msgspec
import typer
from msgspec import Struct

from ovpo.cli import words
from ovpo.cli.asking import make_sure
from ovpo.cli.client import Answer, path
from ovpo.cli.exits import CommandError, Exit
from ovpo.cli.listing import Listing, show_list
from ovpo.cli.options import As, Every, Key, Limit, Server, Yes, connected, length, now
from ovpo.cli.output import Column, Output, console, facts, print_rows

PATH: Final = "/v1/keys"
ONCE: Final = "It is shown this once and kept only as a digest: put it away now."
_PREFIX: Final = re.compile(r"[a-z0-9]{8}")
_LENGTH: Final = re.compile(r"[0-9]{1,6}[smhdw]")


class Role(StrEnum):
    """What a key may do."""

    VIEWER = "viewer"
    DEVELOPER = "developer"
    ADMIN = "admin"
    SUPER_ADMIN = "super_admin"


class ApiKey(Struct, frozen=True):
    """What is known of a key."""

    prefix: str
    tenant_id: str
    role: str
    label: str
    state: str
    created_at: datetime
    created_by: str | None
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    rotated_from: str | None
    replaced_by: str | None


class NewKey(ApiKey, frozen=True):
    """A key that was just made, with its text."""

    key: str


class RotatedKey(NewKey, frozen=True):
    """A key that was just made in another's place."""

    replaced: ApiKey


class RevokedKey(ApiKey, frozen=True):
    """A key that is good for nothing any more."""

    is_calling_key: bool


class Entered(Struct, frozen=True):
    """A key that was entered at the console."""

    tenant_id: str
    role: str
    key: str


Prefix = Annotated[str, typer.Argument(metavar="PREFIX", help="The key's public part: 8 characters after ovpo_sk_.")]
ForRole = Annotated[Role, typer.Option("--role", help="What it may do; not above that of the key you call with.")]
Label = Annotated[str, typer.Option("--label", help="What it is for, for people.")]
Expires = Annotated[
    str | None, typer.Option("--expires", metavar="WHEN", help="When it stops: 90d, a day or a moment; else never.")
]
Tenant = Annotated[
    str | None, typer.Option("--tenant", help="Of this tenant, not of your own; takes the role super_admin.")
]
AtConsole = Annotated[
    bool,
    typer.Option(
        "--console", help="Enter it with the database role of the settings, with no key: for the first super_admin."
    ),
]
Overlap = Annotated[str, typer.Option("--overlap", help="How long the old key goes on: 24h, 7d; 0s: not at all.")]

COLUMNS: Final[Sequence[Column[ApiKey]]] = (
    Column("prefix", lambda row: row.prefix, heading="key"),
    Column("tenant_id", lambda row: row.tenant_id, in_table=False),
    Column("state", lambda row: row.state, words.marked),
    Column("role", lambda row: row.role),
    Column("label", lambda row: row.label),
    Column("created_at", lambda row: row.created_at, heading="made"),
    Column("created_by", lambda row: row.created_by, heading="by"),
    Column("last_used_at", lambda row: row.last_used_at, heading="last used"),
    Column("expires_at", lambda row: row.expires_at, heading="expires"),
    Column("revoked_at", lambda row: row.revoked_at, in_table=False),
    Column("rotated_from", lambda row: row.rotated_from, in_table=False),
    Column("replaced_by", lambda row: row.replaced_by, in_table=False),
)
NEW: Final[Sequence[Column[NewKey]]] = (*COLUMNS, Column("key", lambda row: row.key))
ENTERED: Final[Sequence[Column[Entered]]] = (
    Column("tenant_id", lambda row: row.tenant_id),
    Column("role", lambda row: row.role),
    Column("key", lambda row: row.key),
)

app = typer.Typer(help="Make, list, replace and revoke API keys.", no_args_is_help=True)


@app.callback()
def keys() -> None:
    """Make, list, replace and revoke API keys of your tenant."""


@app.command("list")
def list_keys(
    limit: Limit = None, every: Every = False, output: As = Output.TABLE, server: Server = None, key: Key = None
) -> None:
    """List the keys of your tenant, the newest first; those that expired or were revoked too.

    Example: `ovpo keys list -o csv`
    """
    with connected(server, key) as api:
        show_list(api, Listing(PATH, "keys", ApiKey, COLUMNS, "No keys."), {}, output, limit=limit, every=every)


@app.command()
def create(
    role: ForRole,
    label: Label,
    expires: Expires = None,
    tenant: Tenant = None,
    at_console: AtConsole = False,
    output: As = Output.TABLE,
    server: Server = None,
    key: Key = None,
) -> None:
    """Make a key, and print it this once.

    Example: `ovpo keys create --role developer --label "render farm" --expires 90d`. The first super_admin key is
    entered where the settings of the stack are: `ovpo keys create --console --role super_admin --label platform`
    """
    end = _end(expires)
    if at_console:
        _print_entered(_entered(tenant, role, label, end), output)
        return
    wanted = {"role": role.value, "label": label, "expires_at": end}
    with connected(server, key) as api:
        answer = api.post(PATH if tenant is None else path("v1", "tenants", tenant, "keys"), wanted)
    _print_new(answer, answer.read(NewKey), output)


@app.command()
def rotate(
    prefix: Prefix, overlap: Overlap = "24h", output: As = Output.TABLE, server: Server = None, key: Key = None
) -> None:
    """Replace a key by a new one of the same role and label; the old one goes on for a while.

    Example: `ovpo keys rotate k3v9x2ab --overlap 7d`
    """
    wanted = {"overlap_seconds": int(_overlap(overlap).total_seconds())}
    with connected(server, key) as api:
        answer = api.post(path("v1", "keys", _checked(prefix), "rotate"), wanted)
    made = answer.read(RotatedKey)
    _print_new(answer, made, output)
    if output is Output.TABLE:
        typer.echo(
            f"The old key {made.replaced.prefix} goes on until {words.moment(made.replaced.expires_at)}.", err=True
        )


@app.command()
def revoke(prefix: Prefix, yes: Yes = False, output: As = Output.TABLE, server: Server = None, key: Key = None) -> None:
    """End a key for ever.

    Example: `ovpo keys revoke k3v9x2ab`
    """
    one = _checked(prefix)
    make_sure(f"Revoke the key {one} for ever?", yes=yes)
    with connected(server, key) as api:
        answer = api.delete(path("v1", "keys", one))
    found = answer.read(RevokedKey)
    print_rows([found], COLUMNS, output, answer.raw)
    if found.is_calling_key:
        typer.echo("ovpo: it is the key that you call with; your next request is refused", err=True)


def _checked(prefix: str) -> str:
    """Refuse what is no prefix, without repeating it: somebody may have given a whole key."""
    if not _PREFIX.fullmatch(prefix):
        raise CommandError("PREFIX takes the 8 characters after ovpo_sk_, as `ovpo keys list` shows them", Exit.USAGE)
    return prefix


def _overlap(text: str) -> timedelta:
    try:
        return length(text)
    except CommandError as error:
        raise CommandError(f"--overlap: {error}", Exit.USAGE) from None


def _end(expires: str | None) -> str | None:
    if expires is None or not _LENGTH.fullmatch(expires):
        return expires
    try:
        return (now() + length(expires)).isoformat()
    except OverflowError:
        raise CommandError(f"--expires: {expires} from now is after the calendar ends", Exit.USAGE) from None


def _entered(tenant: str | None, role: Role, label: str, end: str | None) -> Entered:
    """Enter a key in the database of the settings."""
    from pydantic import TypeAdapter, ValidationError

    from ovpo.foundation import auth
    from ovpo.foundation.http.fields import Moment
    from ovpo.foundation.observability import logs
    from ovpo.foundation.settings.load import load
    from ovpo.foundation.settings.tree import LogLevel
    from ovpo.foundation.unavailable import StoreUnavailableError
    from ovpo.governance.access.console import issue

    try:
        expires_at = TypeAdapter[datetime | None](Moment | None).validate_python(end)
    except ValidationError as error:
        raise CommandError(f"--expires: {error.errors()[0]['msg']}", Exit.USAGE) from None
    settings = load()
    logs.configure(settings.log.model_copy(update={"level": LogLevel.ERROR}), "keys")
    whose = tenant or settings.seed.tenant
    try:
        made = issue(settings, whose, auth.Role(role.value), label, expires_at)
    except StoreUnavailableError as error:
        raise CommandError(" ".join(str(error).split()), Exit.AWAY) from None
    if made is None:
        raise CommandError(f"there is no tenant {whose!r}, or it is closed; name another with --tenant", Exit.NOT_FOUND)
    return Entered(made.tenant_id, made.role.value, made.text)


def _print_entered(made: Entered, output: Output) -> None:
    if output is not Output.TABLE:
        print_rows([made], ENTERED, output, msgspec.json.encode(made))
        return
    console().print(facts([("tenant", made.tenant_id), ("role", made.role), ("key", made.key)]))
    typer.echo(ONCE, err=True)


def _print_new(answer: Answer, made: NewKey, output: Output) -> None:
    if output is not Output.TABLE:
        print_rows([made], NEW, output, answer.raw)
        return
    expires = words.moment(made.expires_at) if made.expires_at else "never"
    console().print(
        facts(
            [
                ("tenant", made.tenant_id),
                ("role", made.role),
                ("label", made.label),
                ("expires", expires),
                ("key", made.key),
            ]
        )
    )
    typer.echo(ONCE, err=True)
