# SPDX-License-Identifier: Apache-2.0
"""Cursors: where in a list its next page begins. What comes back is checked as if a stranger had made it. Pure.

A cursor is base64url of JSON. It names the last row's moment and id, its value in the order that the list has, and
whose list and which list it belongs to. It holds nothing that its bearer did not see, and gives no right.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from ovpo.foundation.http.cursors import NOT_OURS, CursorError, check_age, digest, parsed, spelled
from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.http.fields import UUID_V4

MOST_CHARACTERS: Final = 2_000
Value = str | int | float | datetime | None
_Moment = Annotated[datetime, Meta(tz=True)]


class _Text(Struct, frozen=True, forbid_unknown_fields=True):
    last_timestamp: _Moment
    last_id: Annotated[str, Meta(pattern=UUID_V4)]
    last_value: str | int | float | None
    tenant: Annotated[str, Meta(max_length=64)]
    question: Annotated[str, Meta(max_length=64)]
    issued_at: _Moment


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
        tenant=digest(tenant_id),
        question=digest(repr(question)),
        issued_at=now,
    )
    return spelled(text)


def read(cursor: str, tenant_id: str, question: object, kind: Any, now: datetime) -> Place:
    """Read a cursor that came back; `kind` is the type of the values that the list is ordered by."""
    try:
        return _read(cursor, tenant_id, question, kind, now)
    except CursorError as error:
        raise ApiError(Code.INVALID_FORMAT, f"query.cursor: {error}", details={"field": "cursor"}) from None


def _read(cursor: str, tenant_id: str, question: object, kind: Any, now: datetime) -> Place:
    text = parsed(cursor, _Text)
    try:
        value = msgspec.convert(text.last_value, kind)
        moment = text.last_timestamp.astimezone(UTC)
    except (ValueError, OverflowError, msgspec.MsgspecError):
        raise CursorError(NOT_OURS) from None
    if isinstance(value, str) and "\0" in value:
        raise CursorError("holds a zero byte; begin without a cursor")
    if text.tenant != digest(tenant_id):
        raise CursorError("belongs to another tenant; begin without a cursor")
    if text.question != digest(repr(question)):
        raise CursorError(
            "belongs to a list with other filters or another order; repeat those, or begin without a cursor"
        )
    check_age(text.issued_at, now)
    return Place(value, moment, text.last_id)
