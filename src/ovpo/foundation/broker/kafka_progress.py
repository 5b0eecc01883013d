# SPDX-License-Identifier: Apache-2.0
"""What the consumers of one name have done in one partition. Pure.

Kafka remembers for a group one offset per partition, under which all is finished, and a short text. The text keeps what
the offset cannot say: which messages above it are finished as well, and how often the others were tried.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable
from itertools import groupby
from typing import Final

MOST_TEXT: Final = 2000
_TEXT: Final = re.compile(r"ovpo1;((?:\d{1,7}-\d{1,7}x\d{1,7},)*);((?:\d{1,7}-\d{1,7}x\d{1,7},)*)")
_RUN: Final = re.compile(r"(\d+)-(\d+)x(\d+),")


class Progress:
    """The messages of a partition that were taken from the broker, and what became of them."""

    def __init__(self, committed: int | None = None, text: str = "") -> None:
        self._open: OrderedDict[int, None] = OrderedDict()
        self._next = committed
        self._done: set[int] = set()
        self._tries: dict[int, int] = {}
        known = _TEXT.fullmatch(text)
        if committed is not None and known is not None:
            self._done = set(_numbers(known[1], committed))
            self._tries = _numbers(known[2], committed)

    @property
    def floor(self) -> int | None:
        """The offset under which everything is finished; none before anything is known."""
        return next(iter(self._open), self._next)

    def take(self, offset: int) -> bool:
        """Note that a message came from the broker; say whether it still wants to be delivered."""
        if self._next is not None and offset < self._next:
            return False
        self._next = offset + 1
        if offset in self._done:
            return False
        self._open[offset] = None
        return True

    def attempt(self, offset: int) -> int:
        """Count a delivery; say which one it is."""
        self._tries[offset] = self._tries.get(offset, 0) + 1
        return self._tries[offset]

    def retract(self, offset: int) -> None:
        """Uncount a delivery that was not made after all."""
        tries = self._tries.pop(offset, 0) - 1
        if tries > 0:
            self._tries[offset] = tries

    def finish(self, offset: int) -> None:
        """Note that a message needs no further delivery."""
        before = self.floor
        self._open.pop(offset, None)
        self._tries.pop(offset, None)
        self._done.add(offset)
        if before is not None and self.floor is not None:
            self._done.difference_update(range(before, self.floor))

    def text(self) -> str:
        """Write what the floor cannot say; what has no room is forgotten: it comes once more, or counts one less."""
        floor = self.floor or 0
        tries = _runs({one: count for one, count in self._tries.items() if one >= floor}, floor)
        done = _runs({one: 1 for one in self._done if one >= floor}, floor)
        room = MOST_TEXT - len("ovpo1;;")
        kept_tries = _fitting(tries, room)
        return f"ovpo1;{_fitting(done, room - len(kept_tries))};{kept_tries}"


def _runs(numbers: dict[int, int], floor: int) -> list[str]:
    """Write numbers that follow one another with the same value as one."""
    ordered = sorted(numbers.items())
    runs = []
    for _, group in groupby(enumerate(ordered), key=lambda pair: (pair[1][0] - pair[0], pair[1][1])):
        run = [number for _, number in group]
        runs.append(f"{run[0][0] - floor}-{run[-1][0] - floor}x{run[0][1]},")
    return runs


def _numbers(text: str, floor: int) -> dict[int, int]:
    found: dict[int, int] = {}
    for first, last, value in _RUN.findall(text):
        found.update((floor + number, int(value)) for number in range(int(first), int(last) + 1))
    return found


def _fitting(runs: Iterable[str], room: int) -> str:
    kept = ""
    for run in runs:
        if len(kept) + len(run) > room:
            break
        kept += run
    return kept
