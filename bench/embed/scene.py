# SPDX-License-Identifier: Apache-2.0
"""The video that is measured: 720p at 30 a second in H.264, with things that move and noise, made once and kept."""

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

WIDTH: Final = 1280
HEIGHT: Final = 720
RATE: Final = 30
NOISES: Final = 16
"""Different pictures of noise that follow one another."""


def minute() -> Path:
    """Give a minute of the scene."""
    return _kept(1) or _film(_place(1), 60)


def minutes(count: int) -> Path:
    """Give the scene over and over, without encoding it again."""
    return _kept(count) or _repeated(minute(), _place(count), count)


def _place(count: int) -> Path:
    folder = Path(tempfile.gettempdir()) / "ovpo-bench-embed"
    folder.mkdir(exist_ok=True)
    return folder / f"scene-{count}.mp4"


def _kept(count: int) -> Path | None:
    return _place(count) if _place(count).exists() else None


def _film(path: Path, seconds: int) -> Path:
    rng = np.random.default_rng(1)
    noises = rng.integers(-8, 9, (NOISES, HEIGHT, WIDTH, 1), dtype=np.int16)
    down, across = np.mgrid[:HEIGHT, :WIDTH]
    ground = np.stack([across * 200 // WIDTH, down * 200 // HEIGHT, (across + down) // 12 % 160], axis=-1) + 20
    new = path.with_suffix(".new")
    with av.open(str(new), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "23", "g": "60"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(seconds * RATE):
            picture = ground + noises[number % NOISES]
            for size, speed, colour in ((160, 3, (210, 170, 140)), (90, 7, (60, 90, 200)), (60, 11, (230, 200, 40))):
                left, top = _bounced(number * speed, WIDTH - size), _bounced(number * speed // 2 + size, HEIGHT - size)
                picture[top : top + size, left : left + size] = colour
            frame = VideoFrame.from_ndarray(picture.clip(0, 255).astype(np.uint8), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return new.rename(path)


def _bounced(way: int, room: int) -> int:
    return room - abs(way % (2 * room) - room)


def _repeated(source: Path, path: Path, count: int) -> Path:
    new = path.with_suffix(".new")
    with av.open(str(new), "w", format="mp4") as container:
        stream = None
        for turn in range(count):
            with av.open(str(source)) as film:
                taken = film.streams.video[0]
                stream = stream or container.add_stream_from_template(taken)
                shift = turn * (taken.duration or 0)
                for packet in film.demux(taken):
                    if packet.pts is not None and packet.dts is not None:
                        packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                        container.mux(packet)
    return new.rename(path)
