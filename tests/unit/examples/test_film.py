# SPDX-License-Identifier: Apache-2.0
"""Videos and thumbnails can be read again and hold what was put in."""

import io

import av
import cv2
import numpy as np
import pytest

from examples.pipelines.film import CODEC, THUMBNAIL_WIDTH, encode_mp4, encode_thumbnail
from examples.pipelines.prompt import embed
from examples.pipelines.scene import compose, draw
from tests.unit.examples.pictures import HEIGHT, WIDTH, Picture, even, square

SIZES_OF_MEMORY_LEFT_DIRTY = (1_000, 5_000, 20_000, 57_600, 65_536, 90_000, 100_000, 300_000, 1_000_000)


def read_jpeg(data: bytes) -> Picture:
    """Read a picture as rows of red, green and blue."""
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert found is not None
    return np.asarray(found[..., ::-1], np.uint8)


def test_the_mp4_decodes_to_the_same_number_of_frames_of_the_same_size_and_about_the_same_pixels() -> None:
    pictures = [square(20 + 4 * index) for index in range(15)]
    made = encode_mp4(pictures, fps=10)
    assert (made.frames, made.width, made.height, made.seconds) == (15, WIDTH, HEIGHT, 1.5)
    with av.open(io.BytesIO(made.data), "r") as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == made.codec == CODEC
        assert stream.average_rate == 10
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert [frame.shape for frame in decoded] == [(HEIGHT, WIDTH, 3)] * 15
    for picture, frame in zip(pictures, decoded, strict=True):
        assert np.abs(picture.astype(int) - frame).mean() < 4


def test_the_same_pictures_give_the_same_file() -> None:
    drawn = np.random.default_rng(6)
    scene = compose(embed("a lantern drifts over a dark lake"), 7)
    pictures = [(draw(scene, index / 10, 320, 180) * 255).astype(np.uint8) for index in range(20)]
    files = set()
    for _ in range(4):
        [drawn.integers(0, 255, size, dtype=np.uint8) for size in SIZES_OF_MEMORY_LEFT_DIRTY for _ in range(8)]
        files.add(encode_mp4(pictures, fps=10).data)
    assert len(files) == 1


def test_no_frames_are_no_video() -> None:
    with pytest.raises(ValueError, match="no frames"):
        encode_mp4([], fps=10)


def test_a_thumbnail_is_a_small_jpeg_of_the_picture_in_its_colours() -> None:
    picture = np.zeros((180, 320, 3), np.uint8)
    picture[..., 0] = 220
    data = encode_thumbnail(picture)
    small = read_jpeg(data)
    assert data.startswith(b"\xff\xd8\xff")
    assert small.shape == (90, THUMBNAIL_WIDTH, 3)
    assert small.mean(axis=(0, 1)) == pytest.approx((220, 0, 0), abs=4)


def test_a_picture_that_is_small_already_keeps_its_size() -> None:
    assert read_jpeg(encode_thumbnail(even(60))).shape == (HEIGHT, WIDTH, 3)
