# SPDX-License-Identifier: Apache-2.0
"""Pictures made small and taken apart into brightness and two colour differences."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ovpo.sop.video.samples import Picture

WIDTH: Final = 64
HEIGHT: Final = 36
Floats = NDArray[np.float32]
_TO_LUMA_AND_CHROMA: Final = np.array(
    [[0.299, -0.1687, 0.5], [0.587, -0.3313, -0.4187], [0.114, 0.5, -0.0813]], dtype=np.float32
)


def small(picture: Picture) -> Picture:
    """Make a picture small; its sides are stretched to those of every other, so that places compare."""
    return np.asarray(cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def planes(pictures: Sequence[Picture]) -> Floats:
    """Give brightness (0 to 1) and the two colour differences (around 0) of small pictures: n x 3 x rows x columns."""
    stacked = np.stack(pictures).astype(np.float32)
    made = np.empty((len(stacked), 3, HEIGHT, WIDTH), dtype=np.float32)
    for plane in range(3):
        made[:, plane] = stacked @ (_TO_LUMA_AND_CHROMA[:, plane] / np.float32(255))
    return made
