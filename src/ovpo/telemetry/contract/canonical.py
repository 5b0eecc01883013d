# SPDX-License-Identifier: Apache-2.0
"""The one JSON text of a value (for storage and digests), and the two spellings that the stores cannot hold as sent."""

import re
from typing import Any, Final

import orjson

_OPEN: Final = frozenset({"pipeline_config", "input_context", "details", "tags", "attributes", "quality_metrics"})
_WHOLE: Final = frozenset(
    {
        "retry_count",
        "frame_index",
        "step_index",
        "nan_count",
        "inf_count",
        "file_size_bytes",
        "size_bytes",
        "ttl_hours",
    }
)
_INSTANTS: Final = frozenset(
    {"created_at", "started_at", "completed_at", "start_time", "end_time", "observed_at", "computed_at"}
)
_LEAP: Final = re.compile(r"(?<=:\d\d):60(?:\.\d+)?")


def canonical(value: Any) -> bytes:
    """Give the value's JSON with sorted names, no white space, in UTF-8."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def settled(value: Any) -> Any:
    """Spell a valid item so that every store holds it.

    To JSON Schema `1.0` is an integer, and RFC 3339 has leap seconds; the stores have neither. Whole numbers lose their
    point, a leap second becomes its last microsecond before the next minute's first.
    """
    if isinstance(value, dict):
        return {name: part if name in _OPEN else _settled_field(name, part) for name, part in value.items()}
    if isinstance(value, list):
        return [settled(part) for part in value]
    return value


def instant(text: str) -> str:
    """Spell an instant without a leap second."""
    return _LEAP.sub(":59.999999", text)


def _settled_field(name: str, value: Any) -> Any:
    if name in _WHOLE and isinstance(value, float):
        return int(value)
    if name in _INSTANTS and isinstance(value, str):
        return instant(value)
    return settled(value)
