# SPDX-License-Identifier: Apache-2.0
"""What a run stands on: hardware, memory, clocks, and how far each of them can be trusted."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Machine:
    """A sound one by default; the scenarios wear out one part each."""

    hardware: str = "cpu"
    """What spans say as `gpu.model`; compute units are reckoned by it."""
    memory_bytes: int | None = None
    """How much the arrays of a run may take; None: as much as there is."""
    sampling_seconds: float | None = None
    """How long the sampling may take; None: as long as it needs."""
    damaged: frozenset[int] = frozenset()
    """Frames whose part of the memory loses its latents after the first step."""
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], datetime] | None = None
    """What frames are dated by; None: the SDK's own clock."""
    media_wraps_ms: float | None = None
    """Where the counter behind media times begins at 0 again; None: nowhere."""

    def media_time_ms(self, index: int, fps: int) -> float:
        """Tell where a frame lies in the video, by this machine's counter."""
        told = index * 1000.0 / fps
        return told if self.media_wraps_ms is None else told % self.media_wraps_ms

    def observed_at(self) -> datetime | None:
        """Read the wall clock."""
        return None if self.wall is None else self.wall()
