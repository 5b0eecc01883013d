# SPDX-License-Identifier: Apache-2.0
"""A stream of pictures as stretches that hold the windows of a few rows each; no more pictures are kept than that."""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ovpo.sop.clips import Clips
from ovpo.sop.video.samples import Picture


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Pictures that follow one another, and the windows of `length` to look at."""

    pictures: tuple[Picture, ...]
    starts: tuple[int, ...]
    """The first picture of each window."""
    rows: tuple[int, ...]
    """How many rows each window makes: at the ends of a video, rows share one."""
    length: int


def stretches(pictures: Iterable[Picture], clips: Clips, tubelet: int, at_once: Callable[[], int]) -> Iterator[Stretch]:
    """Give the windows of all rows in order, at most `at_once()` in a stretch.

    A video that is shorter than a window has windows of all its pictures, less those that fill no tubelet.
    """
    held = _Held()
    row = 0
    for picture in pictures:
        held.take(picture)
        while (window := clips.samples_of(row, sys.maxsize))[1] <= held.seen:
            yield from held.add(window[0], clips.window, at_once())
            row += 1
        held.forget(min(window[0], held.seen - clips.window))
    length = min(clips.window, held.seen)
    if length < clips.window:
        length = length - length % tubelet or length
    for last in range(row, clips.count(held.seen)):
        yield from held.add(clips.samples_of(last, held.seen)[0], length, at_once())
    yield from held.flush(length)


@dataclass(slots=True)
class _Held:
    """The pictures that are still needed, and the windows that wait for company."""

    pictures: deque[Picture] = field(default_factory=deque)
    offset: int = 0
    starts: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)

    @property
    def seen(self) -> int:
        return self.offset + len(self.pictures)

    def take(self, picture: Picture) -> None:
        self.pictures.append(picture)

    def add(self, start: int, length: int, at_once: int) -> Iterator[Stretch]:
        if self.starts and self.starts[-1] == start:
            self.rows[-1] += 1
            return
        if len(self.starts) >= at_once:
            yield from self.flush(length)
        self.starts.append(start)
        self.rows.append(1)

    def flush(self, length: int) -> Iterator[Stretch]:
        if not self.starts:
            return
        first, end = self.starts[0] - self.offset, self.starts[-1] + length - self.offset
        pictures = tuple(self.pictures[place] for place in range(first, end))
        yield Stretch(pictures, tuple(start - self.starts[0] for start in self.starts), tuple(self.rows), length)
        self.starts, self.rows = [], []

    def forget(self, before: int) -> None:
        while self.offset < min([before, *self.starts[:1]]):
            self.pictures.popleft()
            self.offset += 1
