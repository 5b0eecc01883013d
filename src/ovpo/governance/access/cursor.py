# SPDX-License-Identifier: Apache-2.0
"""Where a list of tenants or keys goes on: a place in the order of creation, as text that a client hands back. Pure.

A cursor opens nothing: what a caller may see is decided by its key alone.
"""

import binascii
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from ovpo.governance.access.refusals import Refusal, RefusedError

LONGEST: Final = 512
LIFE: Final = timedelta(hours=24)
_AHEAD: Final = timedelta(minutes=5)
"""How far the clock of the process that made a cursor may be ahead of that of the one that reads it."""
_Moment = Annotated[datetime, Meta(tz=True)]


@dataclass(frozen=True, slots=True)
class Place:
    """The last row that was shown."""

    timestamp: datetime
    id: str


class _Text(Struct, frozen=True, forbid_unknown_fields=True):
    last_timestamp: _Moment
    last_id: Annotated[str, Meta(pattern=r"\A[a-z0-9-]{1,128}\Z")]
    of: Annotated[str, Meta(max_length=64)]
    issued_at: _Moment


def cursor_of(place: Place, of: str, now: datetime) -> str:
    """Give the text of a place in a list; `of` names the list and whose it is."""
    text = _Text(place.timestamp.astimezone(UTC), place.id, _digest(of), now)
    return urlsafe_b64encode(msgspec.json.encode(text)).decode().rstrip("=")


def place_of(cursor: str | None, of: str, now: datetime) -> Place | None:
    """Give the place that a text names in this list; none for none."""
    if cursor is None:
        return None
    try:
        raw = b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        text = msgspec.json.decode(raw, type=_Text)
        place = Place(text.last_timestamp.astimezone(UTC), text.last_id)
        issued_at = text.issued_at.astimezone(UTC)
    except (binascii.Error, ValueError, OverflowError, msgspec.MsgspecError):
        raise _refused("is none that this API gave; take `next_cursor` of the page before, unchanged") from None
    if text.of != _digest(of):
        raise _refused("belongs to another list; begin without a cursor")
    if not now - LIFE <= issued_at <= now + _AHEAD:
        raise _refused("is older than 24 hours; begin without a cursor")
    return place


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=9).hexdigest()


def _refused(said: str) -> RefusedError:
    return RefusedError(Refusal.VALUE, f"query.cursor: {said}", field="cursor")
