# SPDX-License-Identifier: Apache-2.0
"""The caller's side of the transport: an inbox that never makes anybody wait for a disk or a network.

`put` leaves an item and returns. A background thread (`courier`) encodes what is there, a moment later; when callers
are faster than that, they encode a part themselves, so that the inbox stays short. The inbox and the way to wake the
thread are `SimpleQueue`s: their `put` may be called from a signal handler or a finalizer.
"""

from __future__ import annotations

from collections import OrderedDict
from queue import Empty, SimpleQueue
from threading import Event, RLock
from typing import TYPE_CHECKING, Final

import msgspec

from ovpo_sdk.counters import Counters, Tally
from ovpo_sdk.kinds import TraceStatus
from ovpo_sdk.records import FrameRecord, SpanRecord, TraceRecord
from ovpo_sdk.shaping import tags as tag_rules
from ovpo_sdk.transport.encoding import Encoder, Observed
from ovpo_sdk.transport.lanes import Lanes

if TYPE_CHECKING:
    from collections.abc import Callable

    from ovpo_sdk.shaping.personal import PersonalData
    from ovpo_sdk.span import Span
    from ovpo_sdk.transport.chunks import Chunk

    Item = Observed | Span | TraceRecord | SpanRecord | FrameRecord

WAKE_AT: Final = 512
"""Items in the inbox at which the background thread is woken."""
HELP_AT: Final = 2048
"""Items in the inbox at which a caller encodes them itself: 3 ms of its time, and 2 MB at most in the inbox."""
IN_MEMORY: Final = 0.33
"""The share of the buffer for what waits; the rest is for the inbox, a batch on its way, the HTTP client, and what the
allocator keeps of memory that was given back: a third of what waits, measured with a million frames."""
LOST: Final = "dropped_frames"
"""The tag that tells how many frame events of a trace had to be dropped."""
MOST_ENDED: Final = 64
MOST_LOSSES: Final = 4096
MOST_NOTICES: Final = 64
"""What waits to be logged; beyond it nothing new is said."""
_OPEN: Final = frozenset({TraceStatus.PENDING, TraceStatus.GENERATING})


class Marker:
    """Stands in the inbox behind what was put before it, and tells when all of that was delivered."""

    __slots__ = ("_done", "delivered", "gives_up", "is_over")

    def __init__(self, *, gives_up: bool) -> None:
        self.gives_up = gives_up
        """Whether it stops waiting at the first try that fails."""
        self.delivered = self.is_over = False
        self._done = Event()

    def finish(self, *, delivered: bool) -> None:
        """Let whoever waits go on."""
        self.delivered = delivered
        self._done.set()

    def wait(self, seconds: float | None) -> bool:
        """Wait, and tell whether all was delivered."""
        return self._done.wait(seconds) and self.delivered


class Pipe:
    """The inbox, the lanes behind it and their numbers."""

    def __init__(
        self,
        buffer_bytes: int,
        personal: PersonalData,
        say: Callable[[str], None],
        start: Callable[[], None],
    ) -> None:
        self.limit_bytes: Final = int(buffer_bytes * IN_MEMORY)
        self._personal = personal
        self._say = say
        self._start = start
        self.fresh()

    def fresh(self) -> None:
        """Begin with nothing: at the start, and in a forked child, to which the parent's items do not belong."""
        self._inbox: SimpleQueue[Item | Marker] = SimpleQueue()
        self.wake: SimpleQueue[bool] = SimpleQueue()
        # A finalizer or a logging handler may strike within, on the same thread.
        self.lock = RLock()
        self._is_encoding = False
        self.tally = Tally()
        self.lanes = Lanes(self.limit_bytes, self._lost)
        self.encoder = Encoder(self.lanes, self._personal, self._left_out, self._notice)
        self._markers: list[Marker] = []
        self._notices: SimpleQueue[str] = SimpleQueue()
        self._has_dropped = False
        self.running = False
        self._losses: OrderedDict[str, int] = OrderedDict()
        self._ended: OrderedDict[str, TraceRecord] = OrderedDict()

    def put(self, item: Item) -> None:
        """Leave an item; hot."""
        inbox = self._inbox
        inbox.put(item)
        if not self.running:
            self._start()
        waiting = inbox.qsize()
        if waiting >= WAKE_AT:
            if self.wake.empty():
                self.wake.put(False)
            if waiting >= HELP_AT:
                self._help(waiting)

    def put_marker(self, *, gives_up: bool) -> Marker:
        """Leave a marker and have everything before it sent."""
        marker = Marker(gives_up=gives_up)
        self._inbox.put(marker)
        if not self.running:
            self._start()
        self.send_now()
        return marker

    def send_now(self) -> None:
        """Have the background thread send what is there."""
        self.wake.put(True)

    def _help(self, waiting: int) -> None:
        if not self._is_encoding or waiting >= 2 * HELP_AT:
            with self.lock:
                self._encode()

    def drain(self) -> None:
        """Encode what is in the inbox now."""
        with self.lock:
            self._encode()

    def discard(self) -> int:
        """Empty the inbox of a client that cannot send any more: its items are dropped."""
        with self.lock:
            before, tally = self.tally.emitted, self.tally
            for _ in range(self._inbox.qsize()):
                try:
                    item = self._inbox.get_nowait()
                except Empty:
                    break
                if isinstance(item, Marker):
                    item.finish(delivered=False)
                    continue
                tally.emitted += 1
                tally.dropped_frames += isinstance(item, Observed | FrameRecord)
                tally.dropped_traces += isinstance(item, TraceRecord)
                tally.dropped_spans += not isinstance(item, Observed | FrameRecord | TraceRecord)
            return tally.emitted - before

    def say_what_is_to_be_said(self) -> None:
        """Log what was noticed; never under the lock, which a logging handler of the program's may wait for."""
        while not self._notices.empty():
            self._say(self._notices.get_nowait())

    def give_up(self, marker: Marker) -> None:
        """Forget a marker that nobody waits for any more."""
        with self.lock:
            marker.is_over = True
            if marker in self._markers:
                self._markers.remove(marker)

    def markers_here(self) -> list[Marker]:
        """Give the markers behind which everything is encoded."""
        with self.lock:
            return list(self._markers)

    def finish(self, marker: Marker, *, delivered: bool) -> None:
        """Answer a marker."""
        with self.lock:
            if marker in self._markers:
                self._markers.remove(marker)
        marker.finish(delivered=delivered)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits in memory; holds the lock."""
        return not self.lanes.items and not self.encoder.held_back and self._inbox.empty()

    def counters(self, waiting: int, waiting_bytes: int) -> Counters:
        """Tell the numbers, what was just put included; beside what waits here, so much waits elsewhere."""
        with self.lock:
            self._encode()
            here = self._inbox.qsize() + self.encoder.held_back + self.lanes.items
            return self.tally.seen(here + waiting, self.lanes.held_bytes + waiting_bytes)

    def late_losses(self) -> bool:
        """Have traces told that had ended before frames of theirs were dropped; holds the lock."""
        told = False
        for trace_id, record in list(self._ended.items()):
            complete = self._with_losses(record)
            if complete is not record:
                self._ended[trace_id] = complete
                self.encoder.trace(complete)
                self.tally.emitted += 1
                told = True
        return told

    def lose(self, chunk_items: int, spans: int, frames_of: dict[str, int]) -> None:
        """Count what had to be dropped; holds the lock."""
        if not self._has_dropped:
            self._has_dropped = True
            self._notice(
                "there is no room for all that waits, so the oldest frames go; raise buffer_bytes or set spool"
            )
        frames = sum(frames_of.values())
        self.tally.dropped_frames += frames
        self.tally.dropped_spans += spans
        self.tally.dropped_traces += chunk_items - spans - frames
        for trace_id, lost in frames_of.items():
            self._losses[trace_id] = self._losses.get(trace_id, 0) + lost
        while len(self._losses) > MOST_LOSSES:
            self._losses.popitem(last=False)

    def _encode(self) -> None:
        if self._is_encoding:
            return
        self._is_encoding = True
        try:
            inbox, encoder, tally, filled = self._inbox, self.encoder, self.tally, self.lanes.filled
            for _ in range(inbox.qsize()):
                try:
                    item = inbox.get_nowait()
                except Empty:
                    break
                if isinstance(item, Marker):
                    if not item.is_over:
                        self._markers.append(item)
                    continue
                tally.emitted += 1
                try:
                    if type(item) is Observed:
                        encoder.frame(item)
                    else:
                        self._encode_other(item)
                except Exception as error:  # noqa: BLE001
                    self._left_out(f"a {type(item).__name__} was left out: {error!r}; hand in what the SDK makes")
            if filled != self.lanes.filled and self.wake.empty():
                self.wake.put(False)
        finally:
            self._is_encoding = False

    def _encode_other(self, item: Item) -> None:
        if isinstance(item, TraceRecord):
            self._encode_trace(item)
        elif isinstance(item, SpanRecord):
            self.encoder.span_record(item)
        elif isinstance(item, FrameRecord):
            self.encoder.frame_record(item)
        elif not isinstance(item, Observed):
            self.encoder.span(item)

    def _encode_trace(self, record: TraceRecord) -> None:
        if record.status not in _OPEN:
            record = self._with_losses(record)
            self._ended[record.trace_id] = record
            if len(self._ended) > MOST_ENDED:
                self._ended.popitem(last=False)
        self.encoder.trace(record)

    def _with_losses(self, record: TraceRecord) -> TraceRecord:
        lost = str(self._losses.get(record.trace_id, 0))
        if lost == record.tags.get(LOST, "0"):
            return record
        kept = {name: text for name, text in record.tags.items() if name != LOST}
        tags = {LOST: lost, **dict(list(kept.items())[: tag_rules.MOST - 1])}
        return msgspec.structs.replace(record, tags=tags)

    def _lost(self, chunk: Chunk) -> None:
        self.lose(chunk.items, chunk.spans, dict(chunk.frames_of))

    def _left_out(self, message: str) -> None:
        self.tally.refused_here += 1
        self._notice(message)

    def _notice(self, message: str) -> None:
        if self._notices.qsize() < MOST_NOTICES:
            self._notices.put(message)
