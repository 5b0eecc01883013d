# SPDX-License-Identifier: Apache-2.0
"""The tags of a trace and of its costs, held to the contract at the call."""

import re
from collections.abc import Mapping
from typing import Final

from ovpo_sdk.shaping.numbers import plain
from ovpo_sdk.shaping.problems import Problem, is_sound_text, quoted

MOST: Final = 50
MOST_BYTES: Final = 256
_KEY: Final = re.compile(r"[a-z0-9_-]+")
_FOREIGN: Final = re.compile(r"[^a-z0-9_-]+")
_SHOWN_CHARACTERS: Final = 64


def shaped(values: Mapping[str, object], problem: Problem) -> dict[str, str]:
    """Give a copy that the contract allows; what it does not allow is told of and left out."""
    kept: dict[str, str] = {}
    for name, text in values.items():
        sound = shaped_text(name, text, problem)
        if sound is not None:
            kept[name] = sound
    if len(kept) > MOST:
        problem(f"{len(kept)} tags are more than the {MOST} that a trace may have; leave some out")
        kept = dict(list(kept.items())[:MOST])
    return kept


def shaped_text(name: str, text: object, problem: Problem) -> str | None:
    """Give one tag's text as it may be sent, or None once its problem was told."""
    text = plain(text)
    message = _name_problem(name) or _text_problem(name, text)
    if message is None:
        return text  # type: ignore[return-value]
    problem(message)
    return None


def _name_problem(name: object) -> str | None:
    if not isinstance(name, str):
        return f"a tag's name is a {type(name).__name__}; write a text such as team"
    if _KEY.fullmatch(name):
        return None
    suggestion = _FOREIGN.sub("-", name[:_SHOWN_CHARACTERS].lower()).strip("-") or "team"
    return f"tag {quoted(name)} may hold only a-z, 0-9, _ and -; write {suggestion}"


def _text_problem(name: str, text: object) -> str | None:
    if type(text) is not str:
        return f"tag {quoted(name)} is a {type(text).__name__}; write a text, for instance str(…)"
    if not is_sound_text(text):
        return f"tag {quoted(name)} holds NUL or half a surrogate pair; remove those characters"
    if len(text.encode()) > MOST_BYTES:
        return f"tag {quoted(name)} has {len(text.encode())} bytes, more than {MOST_BYTES}; shorten it"
    return None
