# SPDX-License-Identifier: Apache-2.0
"""Two traces side by side as a person reads them: what each took, what differs, what only one of them has."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec import Struct
from rich.text import Text

from ovpo.cli import words
from ovpo.cli.output import Column, console, print_table
from ovpo.cli.words import printable, short_kind

MOST_ATTRIBUTES: Final = 12
MOST_RANGES: Final = 12
LEAST_PART: Final = 0.005


class Delta(Struct, frozen=True):
    """A number of the one and of the other."""

    one: float | None
    other: float | None
    difference: float | None


class KindDelta(Struct, frozen=True):
    """All spans of a kind."""

    kind: str
    spans: Delta
    duration_ms: Delta
    units: Delta


class SpanDelta(Struct, frozen=True):
    """Two spans that stand for the same stage."""

    kind: str
    name: str
    attributes: dict[str, list[Any]]


class OnlyIn(Struct, frozen=True):
    """What only one of both has."""

    span_count: int
    frame_ranges: list[tuple[int, int]]
    frame_count: int


class Comparison(Struct, frozen=True):
    """Two traces side by side."""

    one: str
    other: str
    total_ms: Delta
    units: Delta
    peak_vram_mb: Delta
    quality: dict[str, Delta]
    kinds: list[KindDelta]
    spans: list[SpanDelta]
    frame_pairs: int
    only_one: OnlyIn
    only_other: OnlyIn


@dataclass(frozen=True, slots=True)
class Difference:
    """A row: what is compared, of which kind of span or metric, and how it reads."""

    what: str
    of: str
    delta: Delta
    shown: Callable[[float | None], str]
    less_is_better: bool


def differences(found: Comparison) -> list[Difference]:
    """Give every number that is compared."""
    return list(_differences(found))


def print_comparison(found: Comparison) -> None:
    """Print the table, then what differs in words."""
    screen = console()
    rows = differences(found)
    print_table([_Shown(row) for row in rows if row.what != "spans" or row.delta.difference], SHOWN)
    for line in _notes(found):
        screen.print(line)


def _differences(found: Comparison) -> Iterator[Difference]:
    yield Difference("total_ms", "", found.total_ms, words.duration, less_is_better=True)
    yield Difference("units", "", found.units, words.number, less_is_better=True)
    yield Difference("peak_vram_mb", "", found.peak_vram_mb, words.megabytes, less_is_better=True)
    for kind in found.kinds:
        name = short_kind(kind.kind)
        yield Difference("spans", name, kind.spans, words.number, less_is_better=False)
        yield Difference("duration_ms", name, kind.duration_ms, words.duration, less_is_better=True)
        yield Difference("units", name, kind.units, words.number, less_is_better=True)
    for name, delta in found.quality.items():
        yield Difference("quality", name, delta, words.number, less_is_better=False)


def _notes(found: Comparison) -> Iterator[Text]:
    yield Text(f"Frames are compared at {words.count(found.frame_pairs, 'moment')} of media time.", "dim")
    for trace, only in ((found.one, found.only_one), (found.other, found.only_other)):
        if only.span_count or only.frame_count:
            frames = words.ranges(only.frame_ranges[:MOST_RANGES])
            more = ", …" if len(only.frame_ranges) > MOST_RANGES else ""
            which = f" ({frames}{more})" if frames else ""
            spans = words.count(only.span_count, "span") if only.span_count else ""
            lone = words.count(only.frame_count, "frame") + which if only.frame_count else ""
            yield Text(f"Only {printable(trace)} has {' and '.join(one for one in (spans, lone) if one)}.", "yellow")
    lines = [
        f"{short_kind(span.kind)} {span.name}: {name} was {_value(values, 0)}, is {_value(values, 1)}"
        for span in found.spans
        for name, values in span.attributes.items()
    ]
    for line in lines[:MOST_ATTRIBUTES]:
        yield Text(printable(line))
    if len(lines) > MOST_ATTRIBUTES:
        yield Text(f"and {len(lines) - MOST_ATTRIBUTES:,} more attributes differ: -o json has them", "dim")


def _value(values: Sequence[Any], place: int) -> str:
    value = values[place] if place < len(values) else None
    return "not there" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A row as a person reads it."""

    row: Difference

    @property
    def what(self) -> str:
        plain = {"total_ms": "total", "peak_vram_mb": "VRAM peak", "duration_ms": "took"}
        name = plain.get(self.row.what, self.row.what)
        return f"{self.row.of} {name}".strip() if self.row.what != "quality" else self.row.of

    @property
    def difference(self) -> Text:
        difference = self.row.delta.difference
        if not difference:
            return Text(words.UNKNOWN if difference is None else "=", "dim")
        style = ("red" if difference > 0 else "green") if self.row.less_is_better else ""
        return Text(f"{'+' if difference > 0 else ''}{self.row.shown(difference)}", style)

    @property
    def relative(self) -> str:
        one, difference = self.row.delta.one, self.row.delta.difference
        if not one or not difference:
            return ""
        part = difference / abs(one)
        return (
            f"{100 * part:+.0f} %" if abs(part) >= LEAST_PART else f"{'+' if part > 0 else '-'}{words.share(abs(part))}"
        )


SHOWN: Final[Sequence[Column[_Shown]]] = (
    Column("what", lambda shown: shown.what, heading=""),
    Column("one", lambda shown: shown.row.shown(shown.row.delta.one), right=True),
    Column("other", lambda shown: shown.row.shown(shown.row.delta.other), right=True),
    Column("difference", lambda shown: shown.difference, lambda text: text, right=True),
    Column("relative", lambda shown: shown.relative, right=True, heading=""),
)
DIFFERENCES: Final[Sequence[Column[Difference]]] = (
    Column("what", lambda row: row.what),
    Column("of", lambda row: row.of or None),
    Column("one", lambda row: row.delta.one),
    Column("other", lambda row: row.delta.other),
    Column("difference", lambda row: row.delta.difference),
)
