# SPDX-License-Identifier: Apache-2.0
"""Answers about a trace, kept in the process for a minute under the version that they show.

Nothing has to be thrown away when a trace changes: its next answer has another version, and so another name. A trace
that is gone has no version, so what was kept of it is found by nobody.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

from ovpo.foundation.http.conditional import Version

LIFE_SECONDS: Final = 60.0
LARGEST_BYTES: Final = 2_000_000
MOST_BYTES: Final = 64_000_000


@dataclass(frozen=True, slots=True)
class _Kept:
    body: bytes
    until: float


class Bodies:
    """Gives an answer that was given before, or has it made and keeps it; the oldest go when they are too much."""

    def __init__(self, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = monotonic) -> None:
        self._most = most_bytes
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0

    async def of(self, version: Version, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """Give the answer of this version."""
        known = self._kept.get(version.tag)
        if known is not None and self._clock() < known.until:
            return known.body
        made = await make()
        self._keep(version.tag, made)
        return made

    def _keep(self, tag: str, body: bytes) -> None:
        if len(body) > LARGEST_BYTES:
            return
        if (before := self._kept.pop(tag, None)) is not None:
            self._bytes -= len(before.body)
        now = self._clock()
        self._kept[tag] = _Kept(body, now + LIFE_SECONDS)
        self._bytes += len(body)
        while self._kept:
            oldest = next(iter(self._kept.values()))
            if self._bytes <= self._most and now < oldest.until:
                return
            self._bytes -= len(self._kept.popitem(last=False)[1].body)
