# SPDX-License-Identifier: Apache-2.0
"""A span's attributes, held to the contract at the call: names, kinds of values, sizes."""

import json
import re
from collections.abc import Mapping
from typing import Final

from ovpo_sdk.shaping.numbers import LEAST_INT, MOST_INT, plain
from ovpo_sdk.shaping.problems import Problem, is_sound_text, quoted

Attribute = str | int | float | bool

MOST: Final = 100
MOST_CHARACTERS: Final = 1024
MOST_BYTES: Final = 16 * 1024
_KEY: Final = re.compile(r"(?:ovpo|custom|otel|gpu|model)\.[a-z0-9_.]+")
_NAMESPACED: Final = re.compile(r"(?:ovpo|custom|otel|gpu|model)\.")
_FOREIGN: Final = re.compile(r"[^a-z0-9_.]+")

_REMEMBERED: Final = 4096
_REMEMBERED_CHARACTERS: Final = 96
_BESIDE_TEXT: Final = _REMEMBERED_CHARACTERS + 32
"""At most so many bytes of JSON does an attribute with a remembered name take beside its text: the name, quotation
marks, a colon, a comma, and a number or truth value, the longest of which has 24 characters."""
_ESCAPED: Final = 6
"""A character is one byte of JSON, or an escape of six."""
_EASY: Final = float(2**53)
"""Numbers up to here are looked at no closer; NaN fails any comparison."""
_sound_keys: Final[set[str]] = set()


def shaped(values: Mapping[str, object], problem: Problem) -> dict[str, Attribute]:
    """Give a copy that the contract allows; what it does not allow is told of and left out."""
    if not _sound_keys.issuperset(values):
        return _carefully(values, problem)
    characters = 0
    for value in values.values():
        kind = type(value)
        if kind is str:
            size = len(value)  # type: ignore[arg-type]
            if size > MOST_CHARACTERS or not value.isascii() or "\0" in value:  # type: ignore[attr-defined,operator]
                break
            characters += size
        elif kind is float or kind is int:
            if not -_EASY <= value <= _EASY:  # type: ignore[operator]
                break
        elif kind is not bool:
            break
    else:
        count = len(values)
        if count <= MOST and count * _BESIDE_TEXT + characters * _ESCAPED <= MOST_BYTES:
            return dict(values)  # type: ignore[arg-type]
    return _carefully(values, problem)


def shaped_value(key: str, value: object, problem: Problem) -> Attribute | None:
    """Give one attribute's value as it may be sent, or None once its problem was told."""
    message = _key_problem(key)
    if message is None:
        value = plain(value)
        message = _value_problem(key, value)
    if message is None:
        return value  # type: ignore[return-value]
    problem(message)
    return None


def _carefully(values: Mapping[str, object], problem: Problem) -> dict[str, Attribute]:
    kept: dict[str, Attribute] = {}
    for key, value in values.items():
        sound = shaped_value(key, value, problem)
        if sound is not None:
            kept[key] = sound
    if len(kept) > MOST:
        problem(f"{len(kept)} attributes are more than the {MOST} that a span may have; leave some out")
        kept = dict(list(kept.items())[:MOST])
    return _within_bytes(kept, problem)


def _within_bytes(kept: dict[str, Attribute], problem: Problem) -> dict[str, Attribute]:
    while (size := _size(kept)) > MOST_BYTES:
        largest = max(kept, key=lambda key: _size({key: kept[key]}))
        problem(
            f"the attributes take {size} bytes, more than {MOST_BYTES} in all; "
            f"shorten or leave out {quoted(largest)}, the largest"
        )
        del kept[largest]
    return kept


def _size(values: Mapping[str, Attribute]) -> int:
    return len(json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode())


def _key_problem(key: object) -> str | None:
    if key in _sound_keys:
        return None
    if not isinstance(key, str):
        return f"an attribute's name is a {type(key).__name__}; write a text such as custom.steps"
    if not _KEY.fullmatch(key):
        return _misnamed(key)
    if len(key) <= _REMEMBERED_CHARACTERS and len(_sound_keys) < _REMEMBERED:
        _sound_keys.add(key)
    return None


def _misnamed(key: str) -> str:
    lowered = _FOREIGN.sub("_", key[:_REMEMBERED_CHARACTERS].lower()).strip("._")
    suggestion = lowered if _NAMESPACED.match(lowered) else f"custom.{lowered or 'name'}"
    wrong = (
        "may hold only a-z, 0-9, _ and . after its namespace"
        if _NAMESPACED.match(key)
        else "lacks a namespace (custom., model., gpu., otel. or ovpo.)"
    )
    return f"attribute {quoted(key)} {wrong}; write {suggestion}"


def _value_problem(key: str, value: object) -> str | None:
    kind = type(value)
    if kind is bool:
        return None
    if kind is str:
        return _text_problem(key, value)  # type: ignore[arg-type]
    if kind is int:
        if LEAST_INT <= value <= MOST_INT:  # type: ignore[operator]
            return None
        return f"attribute {quoted(key)} is a whole number of more than 64 bits; write it as text"
    if kind is float:
        if value - value == 0.0:  # type: ignore[operator]
            return None
        return f"attribute {quoted(key)} is not finite, which JSON cannot hold; leave it out or write it as text"
    if value is None:
        return f"attribute {quoted(key)} is None; leave it out"
    return (
        f"attribute {quoted(key)} is a {kind.__name__}; write a text, a number or a bool, "
        "one attribute for each part of a list or mapping"
    )


def _text_problem(key: str, value: str) -> str | None:
    if len(value) > MOST_CHARACTERS:
        return f"attribute {quoted(key)} has {len(value)} characters, more than {MOST_CHARACTERS}; shorten it"
    if not is_sound_text(value):
        return f"attribute {quoted(key)} holds NUL or half a surrogate pair; remove those characters"
    return None
