# SPDX-License-Identifier: Apache-2.0
"""Cursors: where in a list its next page begins. What comes back is checked as if a stranger had made it. Pure.

A cursor is base64url of JSON. It names the last row's moment and id, its value in the order that the list has, and
whose list and which list it belongs to. It holds nothing that its bearer did not see, and gives no right.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.http.fields import UUID_V4

LIFE: Final = timedelta(hours=24)
MOST_CHARACTERS: Final = 2_000
_AHEAD: Final = timedelta(minutes=5)
"""How far the clock of the process that made a cursor may be ahead of that of the one that reads it."""
_DIGEST_BYTES: Final = 9
Value = str | int | float | datetime | None


class _Text(Struct, frozen=True, forbid_unknown_fields=True):
    last_timestamp: datetime
    last_id: Annotated[str, Meta(pattern=UUID_V4)]
    last_value: str | int | float | None
    tenant: Annotated[str, Meta(max_length=64)]
    question: Annotated[str, Meta(max_length=64)]
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a list: the last row that was given."""

    value: Value
    moment: datetime
    identifier: str


def write(place: Place, tenant_id: str, question: object, now: datetime) -> str:
    """Make the cursor of a place in a tenant's list; `question` is all that decides what the list holds."""
    text = _Text(
        last_timestamp=place.moment,
        last_id=place.identifier,
        last_value=msgspec.to_builtins(place.value),
        tenant=_digest(tenant_id),
        question=_digest(repr(question)),
        issued_at=now,
    )
    return base64.urlsafe_b64encode(msgspec.json.encode(text)).decode().rstrip("=")


def read(cursor: str, tenant_id: str, question: object, kind: Any, now: datetime) -> Place:
    """Read a cursor that came back; `kind` is the type of the values that the list is ordered by."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        text = msgspec.json.decode(raw, type=_Text)
        value = msgspec.convert(text.last_value, kind)
        timestamps = [one.astimezone(UTC) for one in (text.last_timestamp, text.issued_at) if one.tzinfo is not None]
        [moment, issued_at] = timestamps
    except (binascii.Error, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
        raise _refused("is none that this API gave; take `next_cursor` of the page before, unchanged") from None
    if isinstance(value, str) and "\0" in value:
        raise _refused("holds a zero byte; begin without a cursor")
    if text.tenant != _digest(tenant_id):
        raise _refused("belongs to another tenant; begin without a cursor")
    if text.question != _digest(repr(question)):
        raise _refused("belongs to a list with other filters or another order; repeat those, or begin without a cursor")
    if not now - LIFE <= issued_at <= now + _AHEAD:
        raise _refused("is older than 24 hours; begin without a cursor")
    return Place(value, moment, text.last_id)


def _digest(text: str) -> str:
    return blake2b(text.encode(errors="backslashreplace"), digest_size=_DIGEST_BYTES).hexdigest()


def _refused(said: str) -> ApiError:
    return ApiError(Code.INVALID_FORMAT, f"query.cursor: {said}", details={"field": "cursor"})
