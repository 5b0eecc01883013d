# SPDX-License-Identifier: Apache-2.0
"""What is known of a video before it is scored: read once through, one picture decoded, refused here if it is to be."""

import os
from hashlib import file_digest
from pathlib import Path
from time import monotonic

from msgspec import Struct

from ovpo.sop.errors import VideoError
from ovpo.sop.result import VideoFacts
from ovpo.sop.video.decoding import Tally, pictures
from ovpo.sop.video.limits import Budget, Clock, Limits
from ovpo.sop.video.opening import opened, pixel_ratio
from ovpo.sop.video.scanning import scan
from ovpo.sop.video.sniffing import Container
from ovpo.sop.video.timeline import Timeline
from ovpo.sop.video.upright import square, turn_of_frame


class Probe(Struct, frozen=True, kw_only=True):
    """A video that can be read. Sizes are in pixels; displayed ones are upright and have square pixels."""

    container: Container
    codec: str
    coded_width: int
    coded_height: int
    width: int
    height: int
    rotation: int
    """Degrees clockwise by which a player turns the stored picture."""
    mirrored: bool
    pixel_aspect_ratio: float
    seconds: float
    frames: int
    frames_per_second: float
    """On average."""
    variable: bool
    has_audio: bool
    bytes: int
    sha256: str


def probe(path: Path, limits: Limits | None = None, *, clock: Clock = monotonic) -> Probe:
    """Look a video over; raise VideoError unless it is whole and within the limits."""
    limits = limits or Limits()
    budget = Budget(path.name, limits.max_work_seconds, clock)
    with opened(path, limits) as video:
        scanned = scan(video, limits, budget)
    if scanned.seconds < limits.min_seconds:
        raise VideoError(
            "too_short",
            f"{path.name} lasts {scanned.seconds:.2f} s, at least {limits.min_seconds:g} s are needed; record it again",
        )
    with opened(path, limits) as video:
        first = next(pictures(video, Timeline(video.tick, video.usual_ticks), limits, budget, Tally())).frame
        if min(first.width, first.height) < limits.min_side:
            raise VideoError(
                "too_small",
                f"{path.name} has pictures of {first.width} x {first.height}, "
                f"at least {limits.min_side} pixels a side are needed; export it larger",
            )
        turn, ratio = turn_of_frame(first), pixel_ratio(video)
        shown = square(first.width, first.height, ratio)
        width, height = shown[::-1] if turn.transposed else shown
        context = video.stream.codec_context
        return Probe(
            container=video.kind,
            codec=context.codec.canonical_name,
            coded_width=first.width,
            coded_height=first.height,
            width=width,
            height=height,
            rotation=turn.degrees,
            mirrored=turn.mirrored,
            pixel_aspect_ratio=float(ratio or 1),
            seconds=scanned.seconds,
            frames=scanned.pictures,
            frames_per_second=scanned.pictures / scanned.seconds,
            variable=scanned.variable,
            has_audio=bool(video.container.streams.audio),
            bytes=video.bytes,
            sha256=_sha256(path),
        )


def facts(path: Path, probe: Probe, clips: int) -> VideoFacts:
    """Say of a video what a result keeps of it; what is no UTF-8 in its name is replaced, as JSON cannot hold it."""
    return VideoFacts(
        sha256=probe.sha256,
        name=os.fsencode(path.name).decode("utf-8", "replace"),
        seconds=probe.seconds,
        clips=clips,
        width=probe.width,
        height=probe.height,
        frames_per_second=probe.frames_per_second,
    )


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise VideoError("not_readable", f"{path.name} cannot be read ({error.strerror}); check the disk") from error
