# SPDX-License-Identifier: Apache-2.0
"""What a caller's value is underneath: enum members are their values, numpy's and torch's scalars plain numbers."""

from enum import Enum
from typing import Final

LEAST_INT: Final = -(2**63)
MOST_INT: Final = 2**64 - 1
"""Seeds are unsigned 64-bit integers."""


def plain(value: object) -> object:
    """Give a text, number or bool of exactly that type where the value is one underneath, else the value itself."""
    if isinstance(value, Enum):
        value = value.value
    elif not isinstance(value, (str, bool, int, float)) and hasattr(value, "item"):
        value = _item(value)
    if isinstance(value, bool):
        return value
    for kind in (str, int, float):
        if isinstance(value, kind):
            return value if type(value) is kind else _exact(kind, value)
    return value


def number(value: object) -> int | float | None:
    """Give the finite number that a value is, or None; truth values are no numbers here."""
    value = plain(value)
    if type(value) is float:
        return value if value - value == 0.0 else None
    if type(value) is int:
        return value if LEAST_INT <= value <= MOST_INT else None
    return None


def _item(value: object) -> object:
    try:
        return value.item()  # type: ignore[attr-defined]
    except (TypeError, ValueError, RuntimeError):
        return value


def _exact(kind: type[str] | type[int] | type[float], value: object) -> str | int | float:
    if kind is str:
        return str.__str__(value)
    if kind is int:
        return int.__int__(value)  # type: ignore[arg-type]
    return float.__float__(value)  # type: ignore[arg-type]
