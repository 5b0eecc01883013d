# SPDX-License-Identifier: Apache-2.0
"""The pictures of an opened video in the order in which they are shown, broken ones left out and counted."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

import av
from av.packet import Packet
from av.stream import Discard
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ovpo.sop.errors import VideoError
from ovpo.sop.video.limits import Budget, Limits
from ovpo.sop.video.opening import Opened, check_seconds, check_size
from ovpo.sop.video.sniffing import Container
from ovpo.sop.video.timeline import Timeline

_FAILURES_IN_A_ROW: Final = 20
"""How often reading may fail without a packet in between before the rest of the file is given up."""
_JUDGED_FROM: Final = 200
"""Packets after which a share of broken ones says something."""


@dataclass(slots=True)
class Tally:
    """How much was read, and how much of it was of no use."""

    packets: int = 0
    pictures: int = 0
    broken: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A decoded picture and when it is shown, in ticks since the first."""

    at: int
    frame: VideoFrame


def pictures(video: Opened, timeline: Timeline, limits: Limits, budget: Budget, tally: Tally) -> Iterator[Shown]:
    """Decode from where the container stands; raise VideoError if a limit is passed or too much is broken."""
    for packet in packets(video, tally):
        budget.check()
        if tally.packets > _JUDGED_FROM:
            _check_broken(video.name, tally, limits)
        try:
            frames = packet.decode()
        except av.EOFError:
            continue
        except av.FFmpegError:
            tally.broken += 1
            continue
        for frame in frames:
            if frame.is_corrupt:
                tally.broken += 1
                continue
            tally.pictures += 1
            check_size(video.name, frame.width, frame.height, limits)
            at = timeline.place(_stamp(video, frame), frame.duration)
            check_seconds(video.name, float(at * video.tick), limits)
            if tally.pictures > limits.max_pictures:
                raise VideoError(
                    "too_many_pictures",
                    f"{video.name} has more than {limits.max_pictures:,} pictures; cut it or raise max_pictures",
                )
            yield Shown(at, frame)
    _check_broken(video.name, tally, limits)


def packets(video: Opened, tally: Tally, *, everything: bool = False) -> "Iterator[Packet[VideoStream]]":
    """Read the video's packets, or those of sound too, going on behind what cannot be read.

    The last is empty and flushes the decoder.
    """
    failures = 0
    streams = tuple(video.container.streams) if everything else (video.stream,)
    for stream in streams:
        stream.discard = Discard.default
    while True:
        try:
            for packet in cast("Iterator[Packet[VideoStream]]", video.container.demux(streams)):
                failures = 0
                tally.packets += packet.size > 0 and packet.stream_index == video.stream.index
                yield packet
        except av.FFmpegError:
            failures += 1
            tally.packets += 1
            tally.broken += 1
            if failures > _FAILURES_IN_A_ROW:
                raise
        else:
            return


def _stamp(video: Opened, frame: VideoFrame) -> int | None:
    """Give a picture's time stamp; AVI knows only when it was decoded, which is in step with when it is shown."""
    return frame.dts if video.kind is Container.AVI else frame.pts


def check_complete(video: Opened, tally: Tally, limits: Limits) -> None:
    """Raise VideoError if the index promised more packets than there were."""
    promised = 0
    if video.kind is Container.MP4:
        promised = len(video.stream.index_entries)
    elif video.kind is Container.AVI:
        promised = video.stream.frames
    if tally.packets < promised * (1 - limits.max_broken_share):
        raise VideoError(
            "truncated",
            f"{video.name} breaks off: {tally.packets:,} of {promised:,} pictures are there; copy it again in full",
        )


def _check_broken(name: str, tally: Tally, limits: Limits) -> None:
    if not tally.pictures:
        raise VideoError(
            "no_pictures",
            f"{name} has no picture that can be decoded within {limits.max_pixels:,} pixels; "
            "export it again as H.264 in MP4, smaller if it is larger than that",
        )
    if tally.broken > tally.packets * limits.max_broken_share:
        raise VideoError(
            "damaged",
            f"{name}: {tally.broken:,} of {tally.packets:,} pictures are damaged; copy or export it again",
        )
