# SPDX-License-Identifier: Apache-2.0
"""From pictures to files' bytes: a video as MP4, a thumbnail as JPEG. Where they go is the business of `shelf`."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

CODEC: Final = "h264"
THUMBNAIL_WIDTH: Final = 160
_ENCODER: Final = "libx264"
_SAME_BYTES: Final = {"x264-params": "cpu-independent=1"}
"""Else 12 encodings of one clip were 12 different files: the rate control reads memory that nobody has written."""
_QUALITY: Final = 80
Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Film:
    """An encoded video."""

    data: bytes
    codec: str
    frames: int
    width: int
    height: int
    seconds: float


def encode_mp4(pictures: Sequence[Picture], fps: int) -> Film:
    """Encode pictures of one size; the same ones give the same bytes."""
    if not pictures:
        raise ValueError("there are no frames to encode; a video takes one or more")
    height, width, _ = pictures[0].shape
    target = BytesIO()
    with av.open(target, "w", format="mp4") as container:
        stream = container.add_stream(_ENCODER, rate=fps, options=_SAME_BYTES)
        assert isinstance(stream, VideoStream)  # noqa: S101
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.thread_count = 1
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return Film(target.getvalue(), CODEC, len(pictures), width, height, len(pictures) / fps)


def encode_thumbnail(picture: Picture) -> bytes:
    """Encode a picture as a small JPEG."""
    height, width, _ = picture.shape
    small = picture
    if width > THUMBNAIL_WIDTH:
        size = (THUMBNAIL_WIDTH, round(height * THUMBNAIL_WIDTH / width))
        small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    done, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise ValueError(f"a picture of {width}x{height} pixels could not be encoded as JPEG")
    return data.tobytes()
