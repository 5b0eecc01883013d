# SPDX-License-Identifier: Apache-2.0
"""Where items wait for their batch: on disk where there is a spool that works, in memory otherwise.

Runs on the background thread; memory is shared with callers under the pipe's lock.
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING, Final

from ovpo_sdk.transport.batches import MOST_BYTES, MOST_ITEMS, MOST_SPANS
from ovpo_sdk.transport.chunks import Lane
from ovpo_sdk.transport.spool import SpoolError

if TYPE_CHECKING:
    from ovpo_sdk.transport.pipe import Pipe
    from ovpo_sdk.transport.spool import Spool, Stored

SHARE: Final = 4
"""Of the memory, so much at most is on its way: what is on its way cannot be dropped for what is precious."""
SPOOL_AGAIN_SECONDS: Final = 30.0
"""How long a disk is left alone that did not take a chunk."""
_log: Final = logging.getLogger("ovpo_sdk")


class Waiting:
    """The items that are to be sent, and those that are on their way."""

    def __init__(self, pipe: Pipe, spool: Spool | None) -> None:
        self._pipe = pipe
        self._spool = spool
        self._most_bytes = min(MOST_BYTES, pipe.limit_bytes // SHARE)
        self._stored: list[Stored] = []
        self._spool_again_at: float | None = None

    @property
    def spools(self) -> bool:
        """Whether items go to disk before they are sent."""
        return self._spool is not None and (self._spool_again_at is None or monotonic() >= self._spool_again_at)

    @property
    def has_a_batch(self) -> bool:
        """Whether there is so much that sending it need not wait for more."""
        with self._pipe.lock:
            if self._pipe.lanes.waiting_bytes >= self._most_bytes:
                return True
        return self._spool is not None and (self._spool.items >= MOST_ITEMS or self._spool.bytes >= self._most_bytes)

    @property
    def is_empty(self) -> bool:
        """Whether everything that was put in has been delivered."""
        with self._pipe.lock:
            here = self._pipe.is_empty
        return here and (self._spool is None or not self._spool.items)

    def adopt(self) -> None:
        """Take over what processes that died had left on disk."""
        if self._spool is None:
            return
        try:
            found = self._spool.adopt()
        except SpoolError as error:
            self._spool_failed(error)
            return
        if found:
            self._pipe.tally.recovered += found
            _log.info("ovpo: %d items of an earlier run are sent now", found)

    def keep(self, lane_of_held_back: Lane | None) -> None:
        """Close what is open, so that it can be sent; to disk with it, where there is one, held back or not."""
        if lane_of_held_back is None and self.spools:
            lane_of_held_back = Lane.PRECIOUS
        with self._pipe.lock:
            if lane_of_held_back is not None:
                self._pipe.encoder.release(lane_of_held_back)
            self._pipe.lanes.close_open()
        if self.spools:
            self._to_disk()
        else:
            self._squeeze()

    def take(self) -> list[bytes]:
        """Take the items of one batch, from disk first; none where nothing waits."""
        self._stored = self._from_disk()
        if self._stored:
            return [line for stored in self._stored for line in stored.chunk().lines()]
        with self._pipe.lock:
            chunks = self._pipe.lanes.take(MOST_ITEMS, self._most_bytes, MOST_SPANS)
        return [line for chunk in chunks for line in chunk.lines()]

    def landed(self) -> None:
        """Forget the items that were taken: they were delivered, or refused for good."""
        if self._stored and self._spool is not None:
            self._spool.remove(self._stored)
            self._stored = []
            return
        with self._pipe.lock:
            self._pipe.lanes.landed()

    def late_losses(self) -> bool:
        """Have traces told of frames that were dropped after they had ended; say whether there are any."""
        with self._pipe.lock:
            return self._pipe.late_losses()

    def sizes(self) -> tuple[int, int]:
        """Tell how many items and bytes wait on disk."""
        return (self._spool.items, self._spool.bytes) if self._spool is not None else (0, 0)

    def close(self) -> None:
        """Let go of the disk; what waits there is for the next start."""
        if self._spool is not None:
            self._spool.close()

    def after_fork_in_child(self) -> None:
        """Begin anew: what the parent has taken, in memory or on disk, is the parent's."""
        self._stored = []
        if self._spool is not None:
            self._spool.after_fork_in_child()

    def _from_disk(self) -> list[Stored]:
        if self._spool is None or not self._spool.items:
            return []
        try:
            return self._spool.next(MOST_ITEMS, self._most_bytes, MOST_SPANS)
        except SpoolError as error:
            self._spool_failed(error)
            return []

    def _to_disk(self) -> None:
        pipe, spool = self._pipe, self._spool
        while spool is not None:
            with pipe.lock:
                chunk = pipe.lanes.withdraw()
            if chunk is None:
                return
            try:
                dropped = spool.put(chunk)
            except SpoolError as error:
                with pipe.lock:
                    pipe.lanes.put_first(chunk)
                self._spool_failed(error)
                return
            self._spool_again_at = None
            with pipe.lock:
                pipe.tally.spooled += chunk.items
                pipe.tally.unreadable = spool.corrupt_files
                for one in dropped:
                    pipe.lose(one.items, one.spans, dict(one.frames_of))

    def _squeeze(self) -> None:
        while True:
            with self._pipe.lock:
                raw = self._pipe.lanes.squeezable()
            if raw is None:
                return
            squeezed = raw.squeeze()
            with self._pipe.lock:
                self._pipe.lanes.replace(raw, squeezed)

    def _spool_failed(self, error: SpoolError) -> None:
        if self._spool_again_at is None:
            _log.warning("ovpo: %s; meanwhile what waits is kept in memory", error)
        self._spool_again_at = monotonic() + SPOOL_AGAIN_SECONDS
