# SPDX-License-Identifier: Apache-2.0
"""Texts as the contract can hold them: no NUL, no half of a surrogate pair, not too long."""

from typing import Final

from ovpo_sdk.shaping.problems import is_sound_text

NAME_CHARACTERS: Final = 128
WORD_CHARACTERS: Final = 64
MESSAGE_CHARACTERS: Final = 2048
PROMPT_CHARACTERS: Final = 10_000
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def sound(text: str) -> str:
    """Give the text with a replacement character for each that cannot be sent."""
    if is_sound_text(text):
        return text
    return "".join(_REPLACEMENT if one == "\0" or "\ud800" <= one <= "\udfff" else one for one in text)


def cut(text: str, most_characters: int) -> str:
    """Give the text as it may be sent, with an ellipsis for what is too much."""
    if len(text) > most_characters:
        text = f"{text[: most_characters - 1]}…"
    return sound(text)
