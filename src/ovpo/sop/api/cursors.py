# SPDX-License-Identifier: Apache-2.0
"""Where a list of the SOP API goes on: the last row's moment and id, as text that a client hands back. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta, Struct

from ovpo.foundation.http.cursors import NOT_OURS, CursorError, check_age, digest, parsed, spelled
from ovpo.foundation.http.errors import ApiError, Code

LONGEST: Final = 512
_Moment = Annotated[datetime, Meta(tz=True)]


@dataclass(frozen=True, slots=True)
class Place:
    """The last row that was shown."""

    moment: datetime
    identifier: str


class _Text(Struct, frozen=True, forbid_unknown_fields=True):
    last_timestamp: _Moment
    last_id: Annotated[str, Meta(max_length=128)]
    of: Annotated[str, Meta(max_length=64)]
    issued_at: _Moment


def cursor_of(place: Place, of: object, now: datetime) -> str:
    """Give the text of a place; `of` is all that decides whose list it is and what it holds."""
    return spelled(_Text(place.moment.astimezone(UTC), place.identifier, digest(repr(of)), now))


def _uuid(text: str) -> None:
    """Refuse what Python reads as a UUID and PostgreSQL does not, such as one with an underscore or `urn:` in it."""
    if str(UUID(text)) != text:
        raise ValueError(text)


def place_of(cursor: str | None, of: object, now: datetime, check: Callable[[str], object] = _uuid) -> Place | None:
    """Give the place that a text names in this list; none for none. `check` raises ValueError for what is no id."""
    if cursor is None:
        return None
    try:
        return _read(cursor, of, now, check)
    except CursorError as error:
        raise ApiError(Code.INVALID_FORMAT, f"query.cursor: {error}", details={"field": "cursor"}) from None


def _read(cursor: str, of: object, now: datetime, check: Callable[[str], object]) -> Place:
    text = parsed(cursor, _Text)
    try:
        check(text.last_id)
        place = Place(text.last_timestamp.astimezone(UTC), text.last_id)
    except (OverflowError, ValueError):
        raise CursorError(NOT_OURS) from None
    if text.of != digest(repr(of)):
        raise CursorError("belongs to a list with other filters; repeat those, or begin without a cursor")
    check_age(text.issued_at, now)
    return place
