# SPDX-License-Identifier: Apache-2.0
"""Frames into an H.264 file, each at the time at which it is shown."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np

from bench.sop.scenes.filming import Frame
from bench.sop.scenes.takes import Size

TICKS: Final = 90_000
"""A second of the file's clock."""
QUALITY: Final = {"crf": "27", "preset": "ultrafast"}
LOW_QUALITY: Final = {"crf": "38", "preset": "ultrafast"}


def encode(frames: Iterable[Frame], path: Path, size: Size, frames_per_second: float, *, low: bool = False) -> int:
    """Write a video, and tell how many frames it has."""
    count = 0
    clock = Fraction(1, TICKS)
    with av.open(str(path), "w", format="mp4") as container:
        options = (LOW_QUALITY if low else QUALITY) | {"threads": "1"}
        rate = Fraction(frames_per_second).limit_denominator(1001)
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = size.width, size.height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = clock
        for frame in frames:
            planes = np.asarray(cv2.cvtColor(frame.picture, cv2.COLOR_RGB2YUV_I420), np.uint8)
            picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            picture.pts, picture.time_base = round(frame.seconds * TICKS), clock
            container.mux(stream.encode(picture))
            count += 1
        container.mux(stream.encode(None))
    return count
