# SPDX-License-Identifier: Apache-2.0
"""How a video is cut into clips: each row of an embedding stands for one cell of time and sees a window around it."""

from math import ceil

from msgspec import Struct

from ovpo.sop.result import Interval


class Clips(Struct, frozen=True, kw_only=True):
    """Counted in samples: rows follow one another by `stride` and each is made of `window` of them."""

    frames_per_second: float = 4.0
    window: int
    stride: int = 1

    @property
    def row_seconds(self) -> float:
        """How much time a row stands for."""
        return self.stride / self.frames_per_second

    def count(self, samples: int) -> int:
        """Tell how many rows so many samples make."""
        return ceil(samples / self.stride)

    def samples_of(self, row: int, samples: int) -> tuple[int, int]:
        """Give the first sample of a row's window and the one after its last; at the ends it is moved inside.

        The middle of the window is that of the time that the row stands for, or half a sample before it.
        """
        first = row * self.stride + (self.stride - self.window + 1) // 2
        first = max(min(first, samples - self.window), 0)
        return first, min(first + self.window, samples)

    def cell(self, row: int) -> Interval:
        """Give the time that a row stands for."""
        return Interval(row * self.row_seconds, (row + 1) * self.row_seconds)

    def row_at(self, seconds: float) -> int:
        """Find the row that stands for a moment."""
        return int(seconds / self.row_seconds + 1e-9)
