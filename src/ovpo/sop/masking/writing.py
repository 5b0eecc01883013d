# SPDX-License-Identifier: Apache-2.0
"""A video written anew with its masks, in one pass: upright H.264 in MP4, the times of its pictures, nothing else.

Sound and everything that the file says of itself stay behind. The new file is there whole or not at all.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Final, Self

import av
from av.codec.codec import UnknownCodecError
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from ovpo.sop.errors import MaskingError
from ovpo.sop.masking.masks import Mask
from ovpo.sop.masking.painting import cover
from ovpo.sop.video.decoding import Tally, check_complete, pictures
from ovpo.sop.video.limits import Budget, Clock, Limits
from ovpo.sop.video.opening import Opened, opened, pixel_ratio
from ovpo.sop.video.samples import Picture
from ovpo.sop.video.timeline import Timeline
from ovpo.sop.video.upright import Shrinker
from ovpo.sop.whole_files import replacing

LONGEST_SIDE: Final = 3840
"""Larger pictures are made smaller: the encoder holds some twenty of them, and of 8K these are 1 GB."""
CLOCK: Final = Fraction(1, 90_000)
"""What times are counted in; they are off by 6 microseconds at most, and by none at the usual rates."""
CODEC: Final = "h264"
THREADS: Final = 4
"""Of the encoder; each holds pictures of its own."""
MOST_A_SECOND: Final = Fraction(240)
BT709: Final = 1
# Without pictures that refer to later ones, they leave the encoder in the order in which they are shown.
_ENCODER: Final = {"preset": "veryfast", "crf": "20", "bf": "0"}
# Without "bitexact" the file names the program and its version, and the same video would not give the same bytes.
_MUXER: Final = {"movflags": "+faststart", "fflags": "+bitexact"}


def write_masked(
    source: Path, target: Path, masks: Sequence[Mask], *, limits: Limits | None = None, clock: Clock = monotonic
) -> None:
    """Write a video with its masks; raise VideoError if it cannot be read, MaskingError if it cannot be written."""
    limits = limits or Limits()
    budget = Budget(source.name, limits.max_work_seconds, clock)
    with _writing(source.name), replacing(target) as draft, opened(source, limits) as video:
        tally, timeline = Tally(), Timeline(video.tick, video.usual_ticks)
        shown = _upright(video, timeline, limits, budget, tally)
        first = next(shown)
        with _Film(source.name, Path(draft.name), first[0], video) as film:
            for picture, at in chain([first], shown):
                budget.pause()
                film.add(cover(picture, masks), at)
                budget.resume()
            film.finish(timeline.end)
        check_complete(video, tally, limits)


def _upright(
    video: Opened, timeline: Timeline, limits: Limits, budget: Budget, tally: Tally
) -> Iterator[tuple[Picture, int]]:
    """Give each picture as a player shows it, all of one size, and the tick at which it is shown."""
    shrinker = None
    for shown in pictures(video, timeline, limits, budget, tally):
        shrinker = shrinker or Shrinker(shown.frame, pixel_ratio(video), LONGEST_SIDE)
        yield shrinker.shrink(shown.frame), shown.at


class _Film:
    """The file that is being written. A picture is encoded once the next has come, which tells how long it lasts."""

    def __init__(self, name: str, file: Path, first: Picture, video: Opened) -> None:
        self._name, self._tick = name, video.tick
        self._held: tuple[Picture, int] | None = None
        self._lengths: dict[int, int] = {}
        with _writing(name):
            self._container = av.open(f"file:{file.absolute()}", "w", format="mp4", options=_MUXER)
            rate = min(1 / (video.usual_ticks * video.tick), MOST_A_SECOND)
            self._stream: VideoStream = self._container.add_stream(CODEC, rate=rate, options=_ENCODER)
            context = self._stream.codec_context
            context.width, context.height, context.pix_fmt = first.shape[1], first.shape[0], "yuv420p"
            context.time_base, context.thread_count = CLOCK, THREADS
            context.color_primaries = context.color_trc = context.colorspace = BT709
            context.color_range = ColorRange.MPEG

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            with _writing(self._name):
                self._container.close()
            return
        # A file that was given up cannot always be closed in order, and why it was given up is what counts.
        with suppress(av.FFmpegError, OSError):
            self._container.close()

    def add(self, picture: Picture, tick: int) -> None:
        """Take the next picture."""
        at = round(tick * self._tick / CLOCK)
        if self._held is not None:
            at = self._encode(*self._held, at)
        self._held = picture, at

    def finish(self, end: int) -> None:
        """Write the last picture, and what the encoder still holds."""
        if self._held is not None:
            self._encode(*self._held, round(end * self._tick / CLOCK))
        with _writing(self._name):
            self._mux(None)

    def _encode(self, picture: Picture, at: int, until: int) -> int:
        """Encode a picture that lasts to the next; tell when that is, at least one tick later."""
        until = max(until, at + 1)
        with _writing(self._name):
            frame = VideoFrame.from_ndarray(picture, "rgb24").reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
            frame.pts, frame.time_base = at, CLOCK
            self._lengths[at] = until - at
            self._mux(frame)
        return until

    def _mux(self, frame: VideoFrame | None) -> None:
        for packet in self._stream.encode(frame):
            if packet.pts is not None:
                packet.duration = self._lengths.pop(packet.pts)
            self._container.mux(packet)


@contextmanager
def _writing(name: str) -> Iterator[None]:
    """Say in our words what keeps a file from being written."""
    try:
        yield
    except UnknownCodecError:
        raise MaskingError(
            "no_encoder", f"{name} cannot be masked, PyAV has no encoder for {CODEC}; install one of its own wheels"
        ) from None
    except (av.FFmpegError, OSError) as error:
        said = error.strerror or type(error).__name__
        raise MaskingError(
            "not_masked", f"{name} cannot be written with its masks ({said}); see that the disk has room for a copy"
        ) from error
