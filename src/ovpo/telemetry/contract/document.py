# SPDX-License-Identifier: Apache-2.0
"""JSON text as the contract takes it: well-formed, not too large, not too deep, no name twice in an object, no NUL.

Nothing here knows what a batch or an item is made of, and nothing that meets an unknown depth recurses.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import orjson

from ovpo.foundation.http.errors import Code
from ovpo.telemetry.contract.limits import BODY_BYTES, NESTING
from ovpo.telemetry.contract.outcome import Breach, EnvelopeError
from ovpo.telemetry.contract.paths import anywhere, path

TOO_DEEP: Final = f"is nested deeper than the {NESTING} levels that a batch may have; flatten it"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_STRING_OR_BRACKET: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|([\[{])|([\]}])', re.DOTALL)


class _Batch(msgspec.Struct):
    items: list[msgspec.Raw]


_BATCH: Final = msgspec.json.Decoder(_Batch)


def parse(body: bytes) -> Any:
    """Turn a body into a value; raise EnvelopeError where the text itself is at fault."""
    if len(body) > BODY_BYTES:
        message = f"the body has {len(body)} bytes, more than {BODY_BYTES}; split the batch"
        raise EnvelopeError(Breach(Code.PAYLOAD_TOO_LARGE, "$", message))
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise EnvelopeError(_malformed(body, error)) from None


def is_deeper(value: Any, allowed: int) -> bool:
    """Tell whether a value nests objects and lists on more levels than allowed."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(allowed):
        level = [
            part
            for whole in level
            for part in (whole.values() if isinstance(whole, dict) else whole)
            if isinstance(part, (dict, list))
        ]
        if not level:
            return False
    return bool(level)


def needs_a_second_look(body: bytes, written: Sequence[bytes]) -> bool:
    """Tell cheaply whether a text may hold NUL or a name twice; False is certain, True is for the careful to check.

    `written` is what was understood of the body, written again. The parser keeps the last of two equal names, so there
    it has fewer quotation marks than the body, unless the body writes some as escapes. NUL can only be an escape.
    """
    if b"\\" in body and (b"\\u0022" in body or b"\\u0000" in body):
        return True
    return body.count(b'"') != b"".join(written).count(b'"')


def doubled_names(text: bytes) -> list[str]:
    """Give the names that stand twice in an object of a text that is known not to be deep."""
    doubled: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                doubled.append(name)
            seen.add(name)

    json.loads(text, object_pairs_hook=look)
    return doubled


def doubled(name: str) -> Breach:
    """Refuse a name that stands twice: readers differ in which of the two they take."""
    return Breach(Code.INVALID_SCHEMA, anywhere(name), "stands twice in one object; keep one of them")


def nul_breach(value: Any) -> Breach | None:
    """Find a text or name with the character NUL, which PostgreSQL cannot store."""
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while waiting:
        steps, part = waiting.pop()
        names = part if isinstance(part, dict) else ()
        if (isinstance(part, str) and "\0" in part) or any("\0" in name for name in names):
            return Breach(Code.INVALID_FORMAT, path(steps), "holds the character NUL (\\u0000); remove it")
        if isinstance(part, dict):
            waiting.extend(((*steps, name), below) for name, below in part.items())
        elif isinstance(part, list):
            waiting.extend(((*steps, index), below) for index, below in enumerate(part))
    return None


def texts_of_items(body: bytes) -> list[bytes]:
    """Cut the text of each item out of a batch that is known to be one."""
    return [bytes(text) for text in _BATCH.decode(body).items]


def _malformed(body: bytes, error: orjson.JSONDecodeError) -> Breach:
    if body.startswith(_BYTE_ORDER_MARK):
        return Breach(Code.INVALID_FORMAT, "$", "begins with a byte order mark; send UTF-8 without one")
    if _opens_deeper(body):
        return Breach(Code.INVALID_SCHEMA, "$", TOO_DEEP)
    return Breach(Code.INVALID_FORMAT, "$", f"is no JSON text in UTF-8: {error.msg} (line {error.lineno})")


def _opens_deeper(body: bytes) -> bool:
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(body):
        opens, closes = token.groups()
        depth += bool(opens) - bool(closes)
        if depth > NESTING:
            return True
    return False
