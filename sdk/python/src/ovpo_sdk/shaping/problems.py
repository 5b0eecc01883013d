# SPDX-License-Identifier: Apache-2.0
"""How shaping tells of what it has to leave out: a callable that gets the message, and may raise (strict mode does).

Messages name the thing and the remedy, and never hold a caller's value, which may be personal.
"""

from collections.abc import Callable
from typing import Final

Problem = Callable[[str], None]
"""Gets what is wrong and what to change; when it returns, the thing is left out."""

_SHOWN: Final = 64


def quoted(name: object) -> str:
    """Show a name that came from a caller, on one line and not at length."""
    text = ascii(name) if isinstance(name, str) else f"<{type(name).__name__}>"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def is_sound_text(text: str) -> bool:
    """Tell whether a text can be sent: it needs to be UTF-8, and PostgreSQL stores no NUL."""
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
