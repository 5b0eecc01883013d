# SPDX-License-Identifier: Apache-2.0
"""Text and times made fit to be drawn or printed, whoever wrote them."""

import unicodedata
from typing import Final

from ovpo.sop.result import Interval

DASH: Final = "\u2013"
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SPACES: Final = frozenset({"Zs", "Zl", "Zp"})


def clean(text: str, most: int) -> str:
    """Make one line of a text, of at most so many characters, with nothing that a reader cannot see."""
    kept: list[str] = []
    for character in unicodedata.normalize("NFC", text[: 8 * most]):
        category = unicodedata.category(character)
        if category in _SPACES or character in "\t\n\r\v\f":
            kept.append(" ")
        elif category not in _UNSEEN:
            kept.append(character)
    line = " ".join("".join(kept).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def clock(seconds: float) -> str:
    """Write a moment as a player shows it: 1:02.5, or 1:01:02.5 from an hour on."""
    tenths = max(round(seconds * 10), 0)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    shown = f"{rest // 10:02d}.{rest % 10}"
    return f"{hours}:{minutes:02d}:{shown}" if hours else f"{minutes}:{shown}"


def span(at: Interval) -> str:
    """Write a stretch of a video, or the moment that it is where it has no length."""
    return f"{clock(at.start)} {DASH} {clock(at.end)}" if at.seconds > 0 else f"at {clock(at.start)}"


def tick(seconds: float) -> str:
    """Write a whole second of an axis: 0:05, 12:30, 1:00:00."""
    return clock(seconds)[:-2]


def tick_seconds(extent: float, most: int) -> tuple[int, ...]:
    """Choose round seconds to write at an axis, at most so many."""
    for step in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 36000):
        if extent / step < most:
            break
    return tuple(range(0, int(extent) + 1, step))
