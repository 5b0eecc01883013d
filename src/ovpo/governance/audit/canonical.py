# SPDX-License-Identifier: Apache-2.0
"""The one JSON text that stands for a value on the audit chain: what is hashed, kept and exported. Pure."""

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

import orjson

from ovpo.governance.audit.errors import AuditError

_DEEPEST: Final = 32
_UNHELD: Final = re.compile("[\x00\ud800-\udfff]")
_INTEGERS: Final = range(-(2**63), 2**63)


def canonical(value: Any) -> bytes:
    """Give the value's JSON with sorted names, no white space, in UTF-8."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def held(text: str) -> str:
    """Spell a text so that PostgreSQL and UTF-8 hold it: U+FFFD stands for NUL and for half a surrogate pair."""
    return _UNHELD.sub("\ufffd", text)


def metadata_text(metadata: Mapping[str, Any]) -> str:
    """Give the canonical JSON of an entry's metadata, or say what in it no JSON text holds exactly."""
    return canonical(_checked(metadata, "metadata", 0)).decode()


def _checked(value: Any, where: str, depth: int) -> Any:
    if depth > _DEEPEST:
        raise AuditError(f"{where[:80]}…: is nested deeper than {_DEEPEST}")
    match value:
        case None | bool():
            return value
        case str():
            return held(value)
        case int():
            if value not in _INTEGERS:
                raise AuditError(f"{where}: is an integer beyond 64 bits; give it as text")
            return int(value)
        case float():
            if not isfinite(value):
                raise AuditError(f"{where}: is {value}, which JSON has no number for; give it as text")
            return float(value)
        case list() | tuple():
            return [_checked(part, f"{where}[{index}]", depth + 1) for index, part in enumerate(value)]
        case Mapping():
            return _checked_names(value, where, depth)
        case _:
            raise AuditError(f"{where}: is a {type(value).__name__}; takes text, numbers, booleans, lists and objects")


def _checked_names(value: Mapping[Any, Any], where: str, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, part in value.items():
        if not isinstance(name, str):
            raise AuditError(f"{where}: has the name {name!r}; names are text")
        spelled = held(name)
        if spelled in found:
            raise AuditError(f"{where}: has two names that are both spelled {spelled!r}")
        found[spelled] = _checked(part, f"{where}.{spelled}", depth + 1)
    return found
