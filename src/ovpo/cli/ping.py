# SPDX-License-Identifier: Apache-2.0
"""`ovpo ping`: whether the query API answers, whether its stores do, and for whom it takes the key."""

import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

import msgspec
from msgspec import Struct
from rich.table import Table
from rich.text import Text

from ovpo.cli import words
from ovpo.cli.client import HOW_TO_GET_A_KEY, Client
from ovpo.cli.exits import CommandError, Exit
from ovpo.cli.options import As, Key, Server, connected
from ovpo.cli.output import Column, Output, console, facts, print_rows


class Backend(Struct, frozen=True):
    """A store that the API needs."""

    name: str
    ready: bool
    milliseconds: float
    detail: str | None = None


class Ready(Struct, frozen=True):
    """What the API says of its stores."""

    ready: bool
    backends: list[Backend]


class WhoAmI(Struct, frozen=True):
    """For whom the API takes the key."""

    tenant_id: str
    role: str
    key_prefix: str


class Pinged(Struct, frozen=True):
    """What came of it; `caller` is none where no key was given."""

    server: str
    milliseconds: float
    ready: bool
    backends: list[Backend]
    caller: WhoAmI | None


COLUMNS: Final[Sequence[Column[Backend]]] = (
    Column("name", lambda one: one.name, heading="store"),
    Column("ready", lambda one: one.ready, lambda ready: words.marked("OK" if ready else "ERROR")),
    Column("milliseconds", lambda one: one.milliseconds, words.duration, right=True, heading="answered in"),
    Column("detail", lambda one: one.detail, heading="why not"),
)


def ping(output: As = Output.TABLE, server: Server = None, key: Key = None) -> None:
    """Ask whether the query API and its stores answer, and for whom it takes your key.

    Exits with 5 when it or one of its stores does not answer, with 4 when it refuses the key.
    Example: `ovpo ping --server http://127.0.0.1:8000`
    """
    with connected(server, key) as api:
        found = _pinged(api)
    print_rows(found.backends, COLUMNS, output, msgspec.json.encode(found))
    if output is Output.TABLE:
        console().print(_told(found))
    if not found.ready:
        away = ", ".join(words.printable(one.name) for one in found.backends if not one.ready)
        raise CommandError(f"{found.server} answers, and does not get an answer itself from {away}", Exit.AWAY)


def _pinged(api: Client) -> Pinged:
    begun = time.monotonic()
    answer = api.probe("/readyz")
    took = round((time.monotonic() - begun) * 1_000, 1)
    if answer.status not in {HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE}:
        raise CommandError(f"{api.server} answered {answer.status}; is it an OVPO query API?")
    ready = answer.read(Ready)
    caller = api.get("/v1/whoami").read(WhoAmI) if api.has_key and ready.ready else None
    return Pinged(api.server, took, ready.ready, ready.backends, caller)


def _told(found: Pinged) -> Table:
    who = found.caller
    caller = f"{who.role} of tenant {who.tenant_id}, key {who.key_prefix}" if who else f"no key: {HOW_TO_GET_A_KEY}"
    said = Text(f"{found.server} answers in {words.duration(found.milliseconds)}")
    return facts([("server", said), ("you are", caller if who or found.ready else None)])
