# SPDX-License-Identifier: Apache-2.0
"""What an operator is told of a dead letter of the telemetry queue: whose it is, why it died, what it holds. Pure.

Ids and reasons are told, values of items never: they may be personal data. How letters are listed, put back and removed
is the broker's business.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final, assert_never

from msgspec import Struct

from ovpo.foundation.broker.errors import UnreadableError
from ovpo.foundation.broker.message import DeadLetter
from ovpo.foundation.observability.redact import redact_text
from ovpo.telemetry.contract.records import FrameEvent, ItemType, Record, Span, VideoTrace
from ovpo.telemetry.queue import records, unpack

_LONGEST: Final = 600
_QUOTED_VALUE: Final = re.compile(r"(Invalid (?:enum )?value) [\"'](?:.*[\"'](?= - at `[^`]*`)|.*)", re.DOTALL)


class Summary(Struct, frozen=True):
    """A letter in one line."""

    id: str
    died_at: datetime
    tenant: str
    attempts: int
    bytes: int
    reason: str


class Held(Struct, frozen=True):
    """An item in a letter, by name."""

    type: ItemType
    id: str
    trace_id: str


class Contents(Struct, frozen=True):
    """What a letter's payload holds, and when the collector took it."""

    received_at: datetime
    items: tuple[Held, ...]


class Unreadable(Struct, frozen=True):
    """Why nobody can say what a payload holds."""

    why: str


class Letter(Struct, frozen=True):
    """Everything about a letter but its payload; `items` and `received_at` are null where the payload is unreadable."""

    id: str
    message_id: str
    tenant: str
    trace: str
    died_at: datetime
    attempts: int
    place: int
    bytes: int
    reason: str
    headers: Mapping[str, str]
    received_at: datetime | None
    items: tuple[Held, ...] | None
    unreadable: str | None


def summary(letter: DeadLetter) -> Summary:
    """Say in one line what became of a message."""
    return Summary(
        id=letter.letter_id,
        died_at=letter.died_at,
        tenant=plain(letter.tenant),
        attempts=letter.attempts,
        bytes=letter.payload_bytes,
        reason=plain(letter.reason),
    )


def whole(letter: DeadLetter, payload: bytes) -> Letter:
    """Say what is known of a letter and of the items in it."""
    found = contents(payload)
    held = found if isinstance(found, Contents) else None
    return Letter(
        id=letter.letter_id,
        message_id=plain(letter.message_id),
        tenant=plain(letter.tenant),
        trace=plain(letter.trace_key),
        died_at=letter.died_at,
        attempts=letter.attempts,
        place=letter.sequence,
        bytes=letter.payload_bytes,
        reason=plain(letter.reason),
        headers={plain(name): plain(value) for name, value in letter.headers.items()},
        received_at=held.received_at if held else None,
        items=held.items if held else None,
        unreadable=found.why if isinstance(found, Unreadable) else None,
    )


def contents(payload: bytes) -> Contents | Unreadable:
    """Name the items of a payload, or say why it cannot be read."""
    try:
        envelope = unpack(payload)
        return Contents(envelope.received_at, tuple(map(_held, records(envelope))))
    except UnreadableError as error:
        return Unreadable(plain(str(error)))


def is_meant(letter: DeadLetter, tenant: str | None, reason: str | None) -> bool:
    """Tell whether a letter is of this tenant and died of a reason that holds this text, as far as either is asked."""
    return (tenant is None or letter.tenant == tenant) and (
        reason is None or reason.casefold() in plain(letter.reason).casefold()
    )


def plain(text: str) -> str:
    """Make a foreign text fit for a terminal: no value of an item, no secret, no control character, not too long."""
    clean = redact_text(_QUOTED_VALUE.sub(r"\1", text))
    shown = "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in clean[: _LONGEST + 1])
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"


def _held(record: Record) -> Held:
    match record:
        case VideoTrace():
            return Held(ItemType.TRACE, plain(record.trace_id), plain(record.trace_id))
        case Span():
            return Held(ItemType.SPAN, plain(record.span_id), plain(record.trace_id))
        case FrameEvent():
            return Held(ItemType.EVENT, plain(record.event_id), plain(record.trace_id))
        case _:
            assert_never(record)
