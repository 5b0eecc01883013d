# SPDX-License-Identifier: Apache-2.0
"""Turning any Python value into JSON's types, with a text in the place of what has no better spelling.

Never a repr: it may be endless, hold an address in memory, or hold what the object's owner would not send.
"""

import dataclasses
import datetime as dt
import decimal
import fractions
import pathlib
import uuid
from collections.abc import Iterable, Mapping, Set
from typing import Any, Final

import msgspec

from ovpo_sdk.shaping.numbers import LEAST_INT, MOST_INT, plain
from ovpo_sdk.shaping.texts import sound

DEEPEST: Final = 24
"""Levels of lists and mappings; a batch may have 32, and its own take four."""
MOST_VALUES: Final = 32_768
"""Of one entry: a configuration may have 64 KB, and a value takes two bytes or more."""
MOST_VALUES_IN_ALL: Final = 8 * MOST_VALUES
_CYCLE: Final = "<itself>"
_TOO_DEEP: Final = "<too deep>"
_TOO_MANY: Final = "<too many values>"
_TENSOR_MODULES: Final = frozenset({"torch", "numpy"})
_SPELLED: Final = frozenset({"dtype", "device", "layout", "memory_format"})


def json_like(values: Mapping[Any, object]) -> dict[str, Any]:
    """Give a mapping as JSON's types; an entry of too many values does not cost the others."""
    conversion = _Conversion(values)
    converted: dict[str, Any] = {}
    for key, part in values.items():
        converted[_name(key)] = conversion.entry(part)
        if len(converted) >= MOST_VALUES:
            break
    return converted


class _Conversion:
    """One walk through a value: what it is within of, and how many values it may still meet."""

    __slots__ = ("_left", "_left_in_all", "_within")

    def __init__(self, whole: object) -> None:
        self._within = {id(whole)}
        self._left = 0
        self._left_in_all = MOST_VALUES_IN_ALL

    def entry(self, value: object) -> Any:
        given = self._left = min(MOST_VALUES, self._left_in_all)
        converted = self.value(value) if given else _TOO_MANY
        self._left_in_all -= given - max(self._left, 0)
        return converted

    def _mapping(self, values: Mapping[Any, object]) -> dict[str, Any]:
        converted: dict[str, Any] = {}
        for key, part in values.items():
            if self._left <= 0:
                converted[_TOO_MANY] = True
                break
            converted[_name(key)] = self.value(part)
        return converted

    def value(self, value: object) -> Any:
        self._left -= 1
        value = plain(value)
        kind = type(value)
        if kind is str:
            return sound(value)  # type: ignore[arg-type]
        if kind is float or kind is int:
            return value if _is_json_number(value) else _written(value)  # type: ignore[arg-type]
        if value is None or kind is bool:
            return value
        parts = _parts(value)
        return _spelled(value) if parts is None else self._nested(value, parts)

    def _nested(self, value: object, parts: Mapping[Any, object] | Iterable[object]) -> Any:
        if id(value) in self._within:
            return _CYCLE
        if len(self._within) >= DEEPEST:
            return _TOO_DEEP
        self._within.add(id(value))
        converted = self._mapping(parts) if isinstance(parts, Mapping) else self._list(parts)
        self._within.discard(id(value))
        return sorted(converted, key=_order) if isinstance(value, Set) else converted

    def _list(self, parts: Iterable[object]) -> list[Any]:
        converted: list[Any] = []
        for part in parts:
            if self._left <= 0:
                converted.append(_TOO_MANY)
                break
            converted.append(self.value(part))
        return converted


def _order(converted: Any) -> tuple[str, str]:
    return type(converted).__name__, str(converted)


def _is_json_number(value: float) -> bool:
    return value - value == 0.0 if type(value) is float else LEAST_INT <= value <= MOST_INT


def _name(key: object) -> str:
    key = plain(key)
    if isinstance(key, str):
        return sound(key)
    return _written(key) if key is None or isinstance(key, int | float) else str(_spelled(key))


def _parts(value: object) -> Mapping[Any, object] | Iterable[object] | None:
    """Give what a value is made of, or None where it is one thing."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list | tuple | Set):
        return value
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    if isinstance(value, msgspec.Struct):
        return msgspec.structs.asdict(value)
    return None


def _written(value: object) -> str:
    """Write a number out; Python refuses to where it has thousands of digits."""
    try:
        return str(value)
    except ValueError:
        return f"<{type(value).__name__} of too many digits>"


def _spelled(value: object) -> Any:
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, decimal.Decimal | fractions.Fraction):
        return _written(value)
    if isinstance(value, pathlib.PurePath | uuid.UUID):
        return sound(str(value))
    if isinstance(value, type):
        return _type_name(value)
    kind = type(value)
    if kind.__module__.partition(".")[0] in _TENSOR_MODULES:
        return _spelled_tensor(value, kind)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    return f"<{_type_name(kind)}>"


def _spelled_tensor(value: object, kind: type) -> str:
    if kind.__name__ in _SPELLED or "dtype" in kind.__name__.lower():
        return str(value)
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return f"<{_type_name(kind)} of {'x'.join(map(str, shape)) or 'one number'}>"
    return f"<{_type_name(kind)}>"


def _type_name(kind: type) -> str:
    module = kind.__module__
    return sound(kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}")
