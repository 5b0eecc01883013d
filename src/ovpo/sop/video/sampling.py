# SPDX-License-Identifier: Apache-2.0
"""The pictures of a video at even steps of time, small and upright, in one pass and in memory that does not grow.

Sample `k` is the picture shown at `k / frames_per_second` after the first one: the last that came until then. So the
same scene gives the same samples at 25, 29.97 or a varying number of pictures a second, and a picture that is held is
given again. At the end there is a sample for every step of which the video fills at least half.
"""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from time import monotonic

from ovpo.sop.video.decoding import Shown, Tally, check_complete, pictures
from ovpo.sop.video.limits import Budget, Clock, Limits
from ovpo.sop.video.opening import Opened, check_seconds, opened, pixel_ratio
from ovpo.sop.video.samples import Picture, Sample, Sampling
from ovpo.sop.video.timeline import Timeline, count, due
from ovpo.sop.video.upright import Shrinker


def sample(
    path: Path,
    sampling: Sampling,
    *,
    limits: Limits | None = None,
    progress: Callable[[float], None] | None = None,
    clock: Clock = monotonic,
) -> Iterator[Sample]:
    """Give a video's samples; raise VideoError for what is no video, passes a limit, or is too damaged.

    What is wrong late in the file is found late: use the samples only once all of them came. `progress` is told the
    share that is done.
    """
    limits = limits or Limits()
    budget = Budget(path.name, limits.max_work_seconds, clock)
    with opened(path, limits) as video:
        tally, timeline = Tally(), Timeline(video.tick, video.usual_ticks)
        whole, made = video.seconds or 0.0, None
        frames_per_second = sampling.frames_per_second
        all_pictures = pictures(video, timeline, limits, budget, tally)
        for index, shown in stand_ins(all_pictures, timeline, video.tick, frames_per_second):
            if made is None:
                made = Maker(video, shown, sampling.longest_side)
            one = Sample(index, float(shown.at * video.tick), made.picture(shown))
            budget.pause()
            if progress is not None and whole > 0:
                progress(min(index / frames_per_second / whole, 1.0))
            yield one
            budget.resume()
        check_complete(video, tally, limits)
        check_seconds(video.name, float(timeline.end * video.tick), limits)
    if progress is not None:
        progress(1.0)


def stand_ins(
    shown: Iterable[Shown], timeline: Timeline, tick: Fraction, frames_per_second: float
) -> Iterator[tuple[int, Shown]]:
    """Give every step of time the picture that stands for it; `timeline` has placed all pictures that came so far."""
    index, until = 0, due(0.0, tick)
    held: Shown | None = None
    waiting: tuple[int, Shown] | None = None
    for following in shown:
        if held is not None and following.at > until:
            filled = count(following.at, tick, frames_per_second)
            if waiting is not None and waiting[0] < filled:
                yield waiting
                waiting = None
            while following.at > until:
                if index < filled:
                    yield index, held
                else:
                    waiting = index, held
                index += 1
                until = due(index / frames_per_second, tick)
        held = following
    filled = count(timeline.end, tick, frames_per_second)
    if waiting is not None and waiting[0] < filled:
        yield waiting
    if held is not None:
        for rest in range(index, filled):
            yield rest, held


class Maker:
    """Makes a shown picture small, once however often it is asked for in a row."""

    def __init__(self, video: Opened, first: Shown, longest_side: int) -> None:
        self._shrinker = Shrinker(first.frame, pixel_ratio(video), longest_side)
        self._shown, self._picture = first, self._shrinker.shrink(first.frame)

    def picture(self, shown: Shown) -> Picture:
        """Give the picture; it is handed out more than once and is not to be changed."""
        if shown is not self._shown:
            self._shown, self._picture = shown, self._shrinker.shrink(shown.frame)
        return self._picture
