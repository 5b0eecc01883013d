# SPDX-License-Identifier: Apache-2.0
"""Types of parameters that several APIs take: ids and moments, refused with the codes of the contract."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

UUID_V4: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
_UUID_V4: Final = re.compile(UUID_V4.strip("^$"))
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LOST_PLUS: Final = re.compile(r"(.*T.*[0-9]) ([0-9]{2}:[0-9]{2})")
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}.*")
_YEARS: Final = range(1970, 9999)


def _id(value: str) -> str:
    if not _UUID_V4.fullmatch(value):
        raise PydanticCustomError("uuid_v4", "takes a random UUID (version 4) in lower case with hyphens")
    return value


def _spelled_out(value: Any) -> Any:
    """Read a day as its first moment, and give back the plus that a query string lost."""
    if not isinstance(value, str):
        return value
    if _DAY.fullmatch(value):
        return f"{value}T00:00:00Z"
    found = _LOST_PLUS.fullmatch(value)
    spelled = f"{found[1]}+{found[2]}" if found else value
    if not _MOMENT.fullmatch(spelled):
        raise PydanticCustomError("moment", "takes a day (2026-11-21) or a moment (2026-11-21T08:30:00Z)")
    return spelled


def _in_range(value: datetime) -> datetime:
    if value.year not in _YEARS:
        raise PydanticCustomError("moment_range", "takes a moment of the years 1970 to 9998")
    return value.astimezone(UTC)


Id = Annotated[
    str,
    AfterValidator(_id),
    WithJsonSchema(
        {
            "type": "string",
            "format": "uuid",
            "pattern": UUID_V4,
            "description": "A random UUID (version 4) in lower case with hyphens",
            "examples": ["1243f7dc-6290-4b1d-bf6f-d5231213dfe7"],
        }
    ),
]
"""An id of the contract: a canonical UUID of version 4."""
TraceId = Id
Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_spelled_out),
    AfterValidator(_in_range),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment with its zone, or a day, which stands for its first moment in UTC."""
