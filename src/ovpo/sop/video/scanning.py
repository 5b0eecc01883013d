# SPDX-License-Identifier: Apache-2.0
"""What the packets of a video say of its times, all of them read and none decoded."""

from dataclasses import dataclass
from typing import Final

import av
import numpy as np

from ovpo.sop.errors import VideoError
from ovpo.sop.video.decoding import Tally, check_complete, packets
from ovpo.sop.video.limits import Budget, Limits
from ovpo.sop.video.opening import Opened, check_seconds
from ovpo.sop.video.sniffing import Container

_JUDGED: Final = 20_000
"""Time stamps from which the rate is told to be even or not; eleven minutes at 30 a second."""
_ROUNDING: Final = 0.0021
"""Seconds by which neighbouring stamps differ where a container rounds to milliseconds."""
_SAYING: Final = frozenset({Container.MATROSKA, Container.WEBM, Container.FLV, Container.ASF})
"""Containers without a full index that say at their beginning how long they are."""
_DISORDER: Final = 32
"""Pictures by which the stamps of an orderly video are out of order at most; codecs keep 16 for reference."""


@dataclass(frozen=True, slots=True)
class Scan:
    """Counted from the first picture to the end of the last."""

    seconds: float
    pictures: int
    variable: bool
    in_order: bool
    """Every picture has a time stamp of when it is shown, and they do not begin anew."""


def scan(video: Opened, limits: Limits, budget: Budget) -> Scan:
    """Read all packets; raise VideoError if there are too many, or fewer than the file says."""
    tally, stamps = Tally(), list[int]()
    first = last = end = None
    shown, lapses, until = 0, 0, 0.0
    in_order = video.kind is not Container.AVI
    disorder = _DISORDER * video.usual_ticks + round(1 / video.tick)
    for packet in packets(video, tally, everything=video.kind in _SAYING):
        budget.check()
        if not packet.size or packet.is_discard:
            continue
        if packet.pts is not None:
            until = max(until, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        if packet.stream_index != video.stream.index:
            continue
        shown += 1
        if shown > limits.max_pictures:
            raise VideoError(
                "too_many_pictures",
                f"{video.name} has more than {limits.max_pictures:,} pictures; cut it or raise max_pictures",
            )
        if packet.pts is None or (last is not None and packet.pts < last - disorder):
            in_order = False
            lapses += 1
            continue
        first = packet.pts if first is None else min(first, packet.pts)
        last = packet.pts if last is None else max(last, packet.pts)
        end = max(end or last, packet.pts + (packet.duration or video.usual_ticks))
        if len(stamps) < _JUDGED:
            stamps.append(packet.pts)
    if first is None or end is None:
        seconds = float(shown * video.usual_ticks * video.tick)
    else:
        seconds = float((end - first + lapses * video.usual_ticks) * video.tick)
    check_seconds(video.name, seconds, limits)
    check_complete(video, tally, limits)
    _check_end(video, until, limits)
    return Scan(seconds, shown, _is_variable(stamps, float(video.tick)), in_order)


def _is_variable(stamps: list[int], tick: float) -> bool:
    """Tell whether the time between pictures changes by more than rounding does."""
    if len(stamps) < 3:
        return False
    steps = np.diff(np.sort(np.asarray(stamps, np.float64))[:-1]) * tick
    return bool(np.ptp(steps) > max(_ROUNDING, 2.1 * tick))


def _check_end(video: Opened, until: float, limits: Limits) -> None:
    """Hold the time that is there, of sound too, against the time that the file says."""
    said = (video.container.duration or 0) / av.time_base
    if video.kind in _SAYING and said - until > max(said * limits.max_broken_share, 1.0):
        raise VideoError(
            "truncated",
            f"{video.name} says that it lasts {said:.1f} s, {until:.1f} s are there; copy it again in full",
        )
