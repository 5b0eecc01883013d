# SPDX-License-Identifier: Apache-2.0
import io

import numpy as np
from PIL import Image

from ovpo.sop.intake.thumbnails import MOST_BYTES, fitted


def test_even_noise_is_made_small_enough_and_stays_a_jpeg() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (640, 640, 3), np.uint8)
    made = fitted(Image.fromarray(noise))
    assert len(made) <= MOST_BYTES
    assert Image.open(io.BytesIO(made)).format == "JPEG"


def test_a_plain_picture_keeps_its_size() -> None:
    made = fitted(Image.new("RGB", (320, 180), "navy"))
    assert Image.open(io.BytesIO(made)).size == (320, 180)
