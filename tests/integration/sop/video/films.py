# SPDX-License-Identifier: Apache-2.0
"""Small video files for the tests, in which every picture says when it is shown."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

CLOCK = Fraction(1, 90_000)
COUNTED = ("avi", "mpeg")
"""Formats that are written at a steady rate only."""


@dataclass(frozen=True)
class Film:
    """How a test's video is made: `times` are seconds, and the grey of a picture grows by 16 a second."""

    times: Sequence[Fraction]
    codec: str = "libx264"
    format: str = "mp4"
    size: tuple[int, int] = (64, 48)
    rate: Fraction = Fraction(25)
    rotation: float | None = None
    flipped: bool = False
    pixel: Fraction | None = None
    sound: bool = False
    pixels: str = "yuv420p"
    options: dict[str, str] = field(default_factory=lambda: {"crf": "12", "g": "12"})
    muxer: dict[str, str] = field(default_factory=dict)


def steady(seconds: float, rate: Fraction | int = 25) -> list[Fraction]:
    """Give the times of a steady rate."""
    return [Fraction(index) / rate for index in range(round(seconds * rate))]


def grey(seconds: float) -> float:
    """Tell how bright the picture shown at a time is."""
    return 16 + seconds * 16


def seconds_of(picture: NDArray[np.uint8]) -> float:
    """Read from a picture when it is shown, by its middle."""
    height, width = picture.shape[:2]
    middle = picture[height // 3 : height * 2 // 3, width // 3 : width * 2 // 3]
    return float((middle.mean() - 16) / 16)


def shoot(path: Path, film: Film) -> Path:
    """Write a video."""
    width, height = film.size
    with av.open(str(path), "w", format=film.format, container_options=film.muxer) as container:
        stream = container.add_stream(film.codec, rate=film.rate, options=film.options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, film.pixels
        stream.codec_context.time_base = CLOCK if film.format not in COUNTED else 1 / film.rate
        if film.pixel:
            stream.codec_context.sample_aspect_ratio = film.pixel
        if film.rotation is not None or film.flipped:
            stream.set_display_rotation(film.rotation or 0, film.flipped)
        sound = container.add_stream("aac", rate=16_000) if film.sound else None
        for number, seconds in enumerate(film.times):
            frame = _frame(width, height, float(seconds))
            frame.time_base = stream.codec_context.time_base
            frame.pts = number if film.format in COUNTED else round(seconds / CLOCK)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound is not None:
            _add_sound(container, sound, float(film.times[-1]))
    return path


def hum(path: Path, seconds: float = 2.0, container_format: str = "mp4") -> Path:
    """Write sound without pictures."""
    with av.open(str(path), "w", format=container_format) as container:
        _add_sound(container, container.add_stream("aac", rate=16_000), seconds)
    return path


def boxes(data: bytes, kind: bytes) -> list[int]:
    """Find where the bodies of MP4 boxes of a kind begin."""
    found, at = [], data.find(kind)
    while at >= 0:
        found.append(at + 4)
        at = data.find(kind, at + 4)
    return found


def packet_places(path: Path) -> list[tuple[int, int]]:
    """Tell where each packet of a video lies in its file, and how long it is."""
    with av.open(str(path)) as container:
        return [(packet.pos or 0, packet.size) for packet in container.demux(video=0) if packet.size]


def _frame(width: int, height: int, seconds: float) -> VideoFrame:
    """Paint a picture: grey that tells the time, a red upper left and a blue upper right corner."""
    pixels = np.full((height, width, 3), min(round(grey(seconds)), 235), np.uint8)
    pixels[: height // 4, : width // 4] = (230, 20, 20)
    pixels[: height // 4, -(width // 4) :] = (20, 20, 230)
    return VideoFrame.from_ndarray(pixels, "rgb24")


def _add_sound(container: av.container.OutputContainer, stream: object, seconds: float) -> None:
    assert isinstance(stream, av.AudioStream)
    for start in range(0, int(seconds * 16_000), 1024):
        wave = np.sin((start + np.arange(1024)) * 0.1).astype(np.float32)[None] * 0.2
        frame = av.AudioFrame.from_ndarray(wave, "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 16_000, start, Fraction(1, 16_000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode())
