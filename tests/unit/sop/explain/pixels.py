# SPDX-License-Identifier: Apache-2.0
"""Reads drawn pictures back, so that tests can look at them."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.int16]


def pixels(png: bytes) -> Pixels:
    """Decode a picture: rows, columns, red, green and blue."""
    with Image.open(BytesIO(png)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(np.int16)


def near(picture: Pixels, colour: str, tolerance: int = 6) -> NDArray[np.bool_]:
    """Tell which pixels have a colour, or nearly."""
    wanted = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)])
    return np.asarray((np.abs(picture - wanted) <= tolerance).all(axis=2))


def differing(one: Pixels, other: Pixels) -> NDArray[np.bool_]:
    """Tell where two pictures of one size are not the same."""
    return np.asarray((np.abs(one - other) > 24).any(axis=2))
