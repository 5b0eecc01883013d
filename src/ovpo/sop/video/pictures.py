# SPDX-License-Identifier: Apache-2.0
"""Pictures of a video at moments that are asked for, the same that sampling would choose, decoding as few as it can.

Where the time stamps are whole and in order, the key picture before each moment is looked up and decoding begins there;
everywhere else the video is read through once.
"""

from collections.abc import Iterator, Sequence
from math import isfinite
from pathlib import Path
from time import monotonic
from typing import Final

import av
from msgspec.structs import replace

from ovpo.sop.errors import VideoError
from ovpo.sop.video.decoding import Shown, Tally, pictures
from ovpo.sop.video.limits import Budget, Clock, Limits
from ovpo.sop.video.opening import Opened, opened
from ovpo.sop.video.samples import Picture
from ovpo.sop.video.sampling import Maker
from ovpo.sop.video.scanning import scan
from ovpo.sop.video.timeline import Timeline, due

_NEAR: Final = 2.0
"""Seconds that are decoded rather than looked up: key pictures are rarely nearer to one another."""
_BACK: Final = (0.0, 1.0, 4.0, 16.0)
"""Seconds before the moment at which a key picture is looked for, one after the other."""


def pictures_at(
    path: Path,
    seconds: Sequence[float],
    longest_side: int,
    *,
    limits: Limits | None = None,
    clock: Clock = monotonic,
) -> list[Picture]:
    """Give the picture shown at each moment after the first picture; before it that one, after the end the last."""
    if not all(map(isfinite, seconds)):
        raise VideoError("no_such_time", f"{path.name}: times of pictures must be finite numbers of seconds")
    if not seconds:
        return []
    limits = limits or Limits()
    budget = Budget(path.name, limits.max_work_seconds, clock)
    with opened(path, limits) as video:
        in_order = scan(video, limits, budget).in_order
    # What is too damaged to be scored is refused at intake; here whatever can be shown is shown.
    lenient = replace(limits, max_broken_share=1.0)
    with opened(path, lenient) as video:
        finder = _Finder(video, longest_side, lenient, budget)
        found = {moment: finder.picture(moment) for moment in sorted(set(seconds))} if in_order else {}
    missing = sorted(moment for moment in seconds if found.get(moment) is None)
    if missing:
        with opened(path, lenient) as video:
            finder = _Finder(video, longest_side, lenient, budget)
            found.update((moment, finder.next_picture(moment)) for moment in missing)
    return [picture for moment in seconds if (picture := found[moment]) is not None]


class _Finder:
    """Goes through a video from moment to moment, forwards."""

    def __init__(self, video: Opened, longest_side: int, limits: Limits, budget: Budget) -> None:
        self._video, self._limits, self._budget, self._tally = video, limits, budget, Tally()
        self._timeline = Timeline(video.tick, video.usual_ticks)
        self._coming = self._decode()
        self._held = next(self._coming)
        self._next = next(self._coming, None)
        self._maker = Maker(video, self._held, longest_side)

    def next_picture(self, moment: float) -> Picture:
        """Read on to a moment."""
        until = due(moment, self._video.tick)
        while self._next is not None and self._next.at <= until:
            self._held, self._next = self._next, next(self._coming, None)
        return self._maker.picture(self._held)

    def picture(self, moment: float) -> Picture | None:
        """Go to a moment by the nearest way; None if it cannot be looked up."""
        until = due(moment, self._video.tick)
        if self._next is None or (until - self._next.at) * self._video.tick <= _NEAR or self._jump(until):
            return self.next_picture(moment)
        return None

    def _jump(self, until: int) -> bool:
        origin = self._timeline.origin or 0
        for back in _BACK:
            target = until - round(back / self._video.tick)
            if target <= 0:
                return False
            self._timeline = Timeline(self._video.tick, self._video.usual_ticks, origin)
            try:
                self._video.container.seek(origin + target, stream=self._video.stream)
            except av.FFmpegError:
                return False
            self._coming = self._decode()
            key = next((shown for shown in self._coming if shown.frame.key_frame or shown.at > until), None)
            if key is not None and key.at <= until:
                self._held, self._next = key, next(self._coming, None)
                return True
        return False

    def _decode(self) -> Iterator[Shown]:
        return pictures(self._video, self._timeline, self._limits, self._budget, self._tally)
