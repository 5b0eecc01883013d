# SPDX-License-Identifier: Apache-2.0
"""Numbers, times and states as a person reads them on a terminal. Pure.

Whatever a sender or server wrote goes through `printable` before it is shown: it may hold what moves a cursor.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from math import isfinite
from typing import Final

from rich.text import Text

UNKNOWN: Final = "\N{EN DASH}"
KIND: Final = "SPAN_KIND_"
_SECOND: Final = 1_000.0
_TEN_SECONDS: Final = 10.0
_MINUTE: Final = 60.0
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_MARKS: Final = {
    "PENDING": ("·", "dim"),
    "GENERATING": ("▸", "cyan"),
    "COMPLETED": ("✓", "green"),
    "FAILED": ("✗", "bold red"),
    "CANCELLED": ("■", "dim"),
    "TIMEOUT": ("◷", "bold red"),
    "PARTIAL": ("◐", "yellow"),
    "OK": ("✓", "green"),
    "ERROR": ("✗", "bold red"),
    "pending": ("·", "dim"),
    "firing": ("✗", "bold red"),
    "resolved": ("✓", "green"),
    "active": ("✓", "green"),
    "expired": ("■", "dim"),
    "revoked": ("■", "dim"),
    "waiting": ("·", "dim"),
    "delivered": ("✓", "green"),
    "given_up": ("✗", "bold red"),
    "critical": ("!", "bold red"),
    "warning": ("!", "yellow"),
}
_LEVELS: Final = "▁▂▃▄▅▆▇█"
_UNITS: Final = ("B", "kB", "MB", "GB", "TB")
_KILO: Final = 1_000.0
_PLAIN_TO: Final = 1e15


def printable(text: str) -> str:
    """Spell out every character that is no visible one or a space: control characters, escapes, direction marks."""
    return text if text.isprintable() else "".join(one if one.isprintable() else _escaped(one) for one in text)


def printable_json(text: str) -> str:
    """Spell such characters out as JSON does, so that the text still means the same."""
    return "\n".join(
        line if line.isprintable() else "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in line)
        for line in text.split("\n")
    )


def marked(state: str | None) -> Text:
    """Give a state with its mark and colour, either of which says it alone."""
    if state is None:
        return Text(UNKNOWN, "dim")
    mark, style = _MARKS.get(state, ("", ""))
    return Text(f"{mark} {printable(state)}".strip(), style)


def number(value: float | None) -> str:
    """Give a number: whole ones whole, others with four figures that count."""
    if value is None:
        return UNKNOWN
    if isinstance(value, int):
        return f"{value:,}"
    if not isfinite(value) or abs(value) >= _PLAIN_TO:
        return f"{value:.3g}"
    return f"{value:,.0f}" if abs(value) >= _KILO else f"{value:.4g}"


def count(of: int, what: str) -> str:
    """Give a number of things."""
    return f"{of:,} {what}" if of == 1 else f"{of:,} {what}s"


def duration(milliseconds: float | None) -> str:
    """Give a length of time in the units that a person would choose."""
    if milliseconds is None or not isfinite(milliseconds):
        return UNKNOWN
    if milliseconds < 0:
        return f"-{duration(-milliseconds)}"
    if round(milliseconds) < _SECOND:
        return f"{milliseconds:.3g} ms"
    seconds = milliseconds / _SECOND
    if round(seconds, 1) < _MINUTE:
        return f"{seconds:.2f} s" if round(seconds, 2) < _TEN_SECONDS else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // 60} m {whole % 60:02} s"
    if whole < _DAY:
        return f"{whole // 3600} h {whole // 60 % 60:02} m"
    return f"{whole // 86_400} d {whole // 3600 % 24:02} h"


def share(part: float | None) -> str:
    """Give a part of a whole, 0 to 1, in percent."""
    if part is None or not isfinite(part):
        return UNKNOWN
    if 0 < part < 0.005:
        return "<1 %"
    return f"{100 * part:.0f} %"


def percent(value: float | None) -> str:
    """Give what is in percent already; only what is whole is called 100."""
    if value is None:
        return UNKNOWN
    return f"{value:.0f} %" if value in {0.0, 100.0} else f"{min(value, 99.9):.1f} %"


def megabytes(value: float | None) -> str:
    """Give an amount of memory."""
    return UNKNOWN if value is None else f"{number(value)} MB"


def size(value: int | None) -> str:
    """Give the size of a file."""
    if value is None:
        return UNKNOWN
    left = float(value)
    for unit in _UNITS[:-1]:
        if left < _KILO:
            return f"{left:.3g} {unit}"
        left /= _KILO
    return f"{left:,.3g} {_UNITS[-1]}"


def moment(value: datetime | None, *, zone: bool = True) -> str:
    """Give a time of day where the person is, to the second, with the zone's name unless a heading says it."""
    if value is None:
        return UNKNOWN
    here = local(value)
    return f"{here:%Y-%m-%d %H:%M:%S}" + (f" {here.tzname()}" if zone else "")


def local(value: datetime) -> datetime:
    """Give the same moment in the zone of the person, or as it is where that zone cannot count so far."""
    try:
        return value.astimezone()
    except (OverflowError, OSError, ValueError):
        return value


def short_kind(kind: str) -> str:
    """Give the kind of a span without what all kinds begin with."""
    return kind.removeprefix(KIND)


def tags(given: dict[str, str] | None) -> str:
    """Give tags as the list takes them."""
    return ", ".join(f"{key}={value}" for key, value in sorted((given or {}).items()))


def ranges(found: Iterable[tuple[int, int]]) -> str:
    """Give ranges of numbers, such as 3 to 7 and 12."""
    return ", ".join(str(first) if first == last else f"{first}{UNKNOWN}{last}" for first, last in found)


def sparkline(values: Sequence[float | None]) -> str:
    """Draw numbers as a line of bars between their least and greatest; a gap where there is none."""
    known = [value for value in values if value is not None and isfinite(value)]
    if not known:
        return ""
    low, high = min(known), max(known)
    return "".join(
        " " if value is None or not isfinite(value) else _LEVELS[_level(value, low, high)] for value in values
    )


def _level(value: float, low: float, high: float) -> int:
    if high == low:
        return len(_LEVELS) // 2
    return min(int((value / 2 - low / 2) / (high / 2 - low / 2) * len(_LEVELS)), len(_LEVELS) - 1)


def _escaped(one: str) -> str:
    return f"\\x{ord(one):02x}" if ord(one) < 256 else f"\\u{ord(one):04x}"
