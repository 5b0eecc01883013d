# SPDX-License-Identifier: Apache-2.0
"""How large, how long and how broken a video may be before it is refused; whoever takes in videos sets them."""

from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Struct

from ovpo.sop.errors import VideoError

Clock = Callable[[], float]
"""Seconds that only grow, from any beginning."""


class Limits(Struct, frozen=True, kw_only=True):
    """The defaults let through four hours of a camera, and 8K at its largest."""

    max_bytes: int = 20_000_000_000
    max_pixels: int = 36_000_000
    """Of one picture; 8192 x 4320 are 35.4 million."""
    min_side: int = 16
    min_seconds: float = 0.5
    max_seconds: float = 4 * 3600.0
    max_pictures: int = 2_000_000
    """Four hours at 120 a second are 1.7 million."""
    max_broken_share: float = 0.05
    """Of the packets that cannot be decoded, and of the time that is missing at the end."""
    max_work_seconds: float = 3600.0
    """How long reading and decoding may take; the time of whoever takes the pictures is not counted."""


@dataclass(slots=True)
class Budget:
    """The time that work on one video may take, and has taken."""

    name: str
    seconds: float
    clock: Clock
    _since: float = 0.0
    _spent: float = 0.0

    def __post_init__(self) -> None:
        """Begin to count."""
        self._since = self.clock()

    def check(self) -> None:
        """Raise VideoError once the time is used up."""
        if self._spent + self.clock() - self._since > self.seconds:
            raise VideoError(
                "too_slow",
                f"{self.name}: decoding has taken more than {self.seconds:g} s; make a smaller copy of the video "
                "(720 lines are enough) or raise max_work_seconds",
            )

    def pause(self) -> None:
        """Stop counting while somebody else works."""
        self._spent += self.clock() - self._since

    def resume(self) -> None:
        """Count again."""
        self._since = self.clock()
