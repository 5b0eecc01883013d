# SPDX-License-Identifier: Apache-2.0
"""A video file opened for reading, with nothing decoded yet: the only place where PyAV opens, and where its errors end.

The container's own format is asked for by name, so that a file cannot pass as a playlist of others, and no decoder is
let near the file while it is opened: the one that is used later knows the limit of its pictures' size.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from ovpo.sop.errors import VideoError
from ovpo.sop.video.boxes import inspect
from ovpo.sop.video.limits import Limits
from ovpo.sop.video.sniffing import Container, sniff

_FORMATS: Final = {
    Container.MP4: "mov",
    Container.MATROSKA: "matroska",
    Container.WEBM: "matroska",
    Container.AVI: "avi",
    Container.MPEG_TS: "mpegts",
    Container.MPEG_PS: "mpeg",
    Container.OGG: "ogg",
    Container.ASF: "asf",
    Container.FLV: "flv",
}
_OPTIONS: Final = {"protocol_whitelist": "file", "codec_whitelist": "none", "fflags": "+genpts"}
_READ_SECONDS: Final = 60.0
"""How long one read may hang, as on a network drive that went away."""
_USUAL_RATE: Final = Fraction(25)


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A container and the one of its streams that is the video."""

    name: str
    kind: Container
    bytes: int
    container: InputContainer
    stream: VideoStream
    tick: Fraction
    """What the stream's times are counted in, in seconds."""
    usual_ticks: int
    """How long a picture lasts where nothing says so."""

    @property
    def seconds(self) -> float | None:
        """How long the file says it is."""
        if self.stream.duration is not None and self.stream.duration > 0:
            return float(self.stream.duration * self.tick)
        duration = self.container.duration
        return duration / av.time_base if duration is not None and duration > 0 else None


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[Opened]:
    """Open a video; raise VideoError for whatever is none, is over a limit, or fails while it is open."""
    kind, size = sniff(path, limits)
    if kind is Container.MP4:
        inspect(path, size, limits)
    try:
        with av.open(
            f"file:{path.absolute()}",
            "r",
            format=_FORMATS[kind],
            container_options=_OPTIONS,
            metadata_errors="replace",
            timeout=_READ_SECONDS,
        ) as container:
            yield _chosen(path.name, kind, size, container, limits)
    except av.FFmpegError as error:
        raise VideoError(
            "not_readable",
            f"{path.name} looks like {kind} but cannot be read ({error.strerror or type(error).__name__}); "
            "see whether it plays, and export or copy it again",
        ) from error


def _chosen(name: str, kind: Container, size: int, container: InputContainer, limits: Limits) -> Opened:
    pictured = [
        stream
        for stream in container.streams.video
        if not stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails)
    ]
    if not pictured:
        what = "sound without pictures" if container.streams.audio else "without a video stream"
        raise VideoError("no_video", f"{name} is {what}; give a file that was recorded with the camera on")
    best = container.streams.best("video")
    stream = next((stream for stream in pictured if stream is best), pictured[0])
    # PyAV leaves the context out where FFmpeg has no decoder, which its types do not say.
    context = getattr(stream, "codec_context", None)
    if context is None:
        raise VideoError("unknown_codec", f"{name} has a codec that is not known here; export it as H.264 in MP4")
    check_size(name, context.width, context.height, limits)
    context.options = {"max_pixels": str(limits.max_pixels)}
    context.thread_type = "AUTO"
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all
    tick = stream.time_base
    if tick is None or tick <= 0:
        raise VideoError("no_times", f"{name} says nothing of its pictures' times; export it again as MP4")
    rate = stream.average_rate or stream.guessed_rate or _USUAL_RATE
    found = Opened(name, kind, size, container, stream, tick, max(round(1 / (rate * tick)), 1))
    _check_claims(found, limits)
    return found


def pixel_ratio(video: Opened) -> Fraction | None:
    """Give the width of a pixel to its height, as the container or, once it decoded a picture, the codec says."""
    return video.stream.sample_aspect_ratio or video.stream.codec_context.sample_aspect_ratio or None


def check_size(name: str, width: int, height: int, limits: Limits) -> None:
    """Raise VideoError for pictures that are too large."""
    if width * height > limits.max_pixels:
        raise VideoError(
            "too_many_pixels",
            f"{name} has pictures of {width} x {height}, {limits.max_pixels:,} pixels are allowed; "
            "export it smaller or raise max_pixels",
        )


def check_seconds(name: str, seconds: float, limits: Limits) -> None:
    """Raise VideoError for a video that is too long."""
    if seconds > limits.max_seconds:
        raise VideoError(
            "too_long",
            f"{name} says that it lasts {seconds:,.0f} s, {limits.max_seconds:,.0f} s are allowed; "
            "cut it to the procedure or raise max_seconds",
        )


def _check_claims(found: Opened, limits: Limits) -> None:
    check_seconds(found.name, found.seconds or 0.0, limits)
    if found.stream.frames > limits.max_pictures:
        raise VideoError(
            "too_many_pictures",
            f"{found.name} claims {found.stream.frames:,} pictures, {limits.max_pictures:,} are allowed; "
            "cut it or raise max_pictures",
        )
