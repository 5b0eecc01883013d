# SPDX-License-Identifier: Apache-2.0
"""What waits in memory: two lanes of chunks within one number of bytes. Pure; whoever calls holds the pipe's lock."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ovpo_sdk.transport.chunks import OVERHEAD_BYTES, Chunk, Lane

FULL_BYTES: Final = 128 * 1024
"""An open chunk is closed at this size: small enough that dropping one loses little, large enough to squeeze well."""
MOST_SPANS: Final = 500
"""Spans of a chunk, and half of what the contract allows a trace in one batch."""
RAW_BYTES: Final = 1_000_000
"""Closed chunks stay as they are up to this sum; beyond it the oldest are squeezed."""


@dataclass(slots=True)
class _Open:
    """A chunk that is being filled."""

    lane: Lane
    lines: list[bytes] = field(default_factory=list)
    size: int = 0
    spans: int = 0
    frames_of: dict[str, int] = field(default_factory=dict)

    @property
    def held_bytes(self) -> int:
        return self.size + 41 * len(self.lines) + OVERHEAD_BYTES if self.lines else 0

    def closed(self) -> Chunk:
        payload = b"\n".join(self.lines)
        return Chunk(self.lane, payload, len(self.lines), self.spans, len(payload), self.frames_of)


class Lanes:
    """Chunks in memory. Where there is no room the oldest ordinary one goes first, then the oldest precious one."""

    def __init__(self, limit_bytes: int, dropped: Callable[[Chunk], None]) -> None:
        self._limit = limit_bytes
        self._dropped = dropped
        self._open = {lane: _Open(lane) for lane in Lane}
        self._closed: dict[Lane, deque[Chunk]] = {lane: deque() for lane in Lane}
        self._flying: list[Chunk] = []
        self._closed_bytes = 0
        self.filled = 0
        """How many chunks were closed because they were full."""

    @property
    def held_bytes(self) -> int:
        """How much memory is taken, what is on its way included."""
        return self._closed_bytes + sum(one.held_bytes for one in self._open.values())

    @property
    def items(self) -> int:
        """How many items wait, those on their way included."""
        closed = sum(chunk.items for lane in self._closed.values() for chunk in lane)
        flying = sum(chunk.items for chunk in self._flying)
        return closed + flying + sum(len(one.lines) for one in self._open.values())

    @property
    def waiting_bytes(self) -> int:
        """How much there is to send, as it was before it was squeezed."""
        closed = sum(chunk.raw_bytes for lane in self._closed.values() for chunk in lane)
        return closed + sum(one.size for one in self._open.values())

    def add(self, lane: Lane, line: bytes, *, frame_of: str | None = None, is_span: bool = False) -> None:
        """Take an item in."""
        chunk = self._open[lane]
        chunk.lines.append(line)
        chunk.size += len(line) + 1
        chunk.spans += is_span
        if frame_of is not None:
            frames_of = chunk.frames_of
            frames_of[frame_of] = frames_of.get(frame_of, 0) + 1
        if chunk.size >= FULL_BYTES or chunk.spans >= MOST_SPANS:
            self.filled += 1
            self._close(lane)
            self._make_room()

    def close_open(self) -> None:
        """Close the open chunks, so that they can be sent."""
        for lane in Lane:
            self._close(lane)
        self._make_room()

    def put_first(self, chunk: Chunk) -> None:
        """Put a chunk back to where it was taken from."""
        self._closed[chunk.lane].appendleft(chunk)
        self._closed_bytes += chunk.held_bytes

    def take(self, most_items: int, most_bytes: int, most_spans: int) -> list[Chunk]:
        """Take closed chunks for one batch: precious ones first, the oldest of each lane, at least one if any.

        They count as held, and cannot be dropped, until they have `landed`.
        """
        for lane in Lane:
            while self._closed[lane]:
                chunk = self._closed[lane][0]
                most_items -= chunk.items
                most_bytes -= chunk.raw_bytes
                most_spans -= chunk.spans
                if self._flying and min(most_items, most_bytes, most_spans) < 0:
                    return list(self._flying)
                self._flying.append(self._closed[lane].popleft())
        return list(self._flying)

    def landed(self) -> None:
        """Forget what was taken: it is where it belongs."""
        self._closed_bytes -= sum(chunk.held_bytes for chunk in self._flying)
        self._flying.clear()

    def withdraw(self) -> Chunk | None:
        """Take the next closed chunk out for good, precious ones first: for the spool."""
        for lane in Lane:
            if self._closed[lane]:
                chunk = self._closed[lane].popleft()
                self._closed_bytes -= chunk.held_bytes
                return chunk
        return None

    def squeezable(self) -> Chunk | None:
        """Give the oldest closed chunk that is still raw where raw ones take much."""
        raw = [chunk for lane in self._closed.values() for chunk in lane if not chunk.squeezed]
        return raw[0] if sum(chunk.held_bytes for chunk in raw) > RAW_BYTES else None

    def replace(self, old: Chunk, new: Chunk) -> None:
        """Put a squeezed chunk in the place of the raw one, if that is still here."""
        lane = self._closed[old.lane]
        for place, chunk in enumerate(lane):
            if chunk is old:
                lane[place] = new
                self._closed_bytes += new.held_bytes - old.held_bytes
                return

    def _close(self, lane: Lane) -> None:
        if self._open[lane].lines:
            chunk = self._open[lane].closed()
            self._open[lane] = _Open(lane)
            self._closed[lane].append(chunk)
            self._closed_bytes += chunk.held_bytes

    def _make_room(self) -> None:
        """Squeeze the oldest raw ones; where all are squeezed, drop the oldest ordinary one, then precious ones."""
        while self.held_bytes > self._limit:
            raw = self._oldest_raw()
            if raw is not None:
                self.replace(raw, raw.squeeze())
                continue
            lane = next((self._closed[lane] for lane in (Lane.ORDINARY, Lane.PRECIOUS) if self._closed[lane]), None)
            if lane is None:
                return
            chunk = lane.popleft()
            self._closed_bytes -= chunk.held_bytes
            self._dropped(chunk)

    def _oldest_raw(self) -> Chunk | None:
        return next((chunk for lane in self._closed.values() for chunk in lane if not chunk.squeezed), None)
