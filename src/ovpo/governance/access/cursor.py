# SPDX-License-Identifier: Apache-2.0
"""Where a list of tenants or keys goes on: a place in the order of creation, as text that a client hands back. Pure.

A cursor opens nothing: what a caller may see is decided by its key alone.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

from msgspec import Meta, Struct

from ovpo.foundation.http.cursors import NOT_OURS, CursorError, check_age, digest, parsed, spelled
from ovpo.governance.access.refusals import Refusal, RefusedError

LONGEST: Final = 512
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
    return spelled(_Text(place.timestamp.astimezone(UTC), place.id, digest(of), now))


def place_of(cursor: str | None, of: str, now: datetime) -> Place | None:
    """Give the place that a text names in this list; none for none."""
    if cursor is None:
        return None
    try:
        return _read(cursor, of, now)
    except CursorError as error:
        raise RefusedError(Refusal.VALUE, f"query.cursor: {error}", field="cursor") from None


def _read(cursor: str, of: str, now: datetime) -> Place:
    text = parsed(cursor, _Text)
    try:
        place = Place(text.last_timestamp.astimezone(UTC), text.last_id)
    except OverflowError:
        raise CursorError(NOT_OURS) from None
    if text.of != digest(of):
        raise CursorError("belongs to another list; begin without a cursor")
    check_age(text.issued_at, now)
    return place
