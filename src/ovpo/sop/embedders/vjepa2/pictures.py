# SPDX-License-Identifier: Apache-2.0
"""Pictures as the model wants them, and how bright and lively they are."""

from dataclasses import dataclass, field
from math import ceil
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from ovpo.sop.clips import Clips
from ovpo.sop.video.samples import Picture

MARGIN: Final = 256 / 224
"""The short side of a picture over the side of the square that is cut from its middle, as the model was trained."""
WIDEST: Final = 4
"""Of a picture that is longer than so many times its short side, the ends are cut off before it is resized."""
LUMA_SIZE: Final = (64, 36)


@dataclass(frozen=True, slots=True)
class Shaping:
    """Short side to `short_side` by bilinear interpolation, then the middle square of `crop`."""

    crop: int

    @property
    def short_side(self) -> int:
        """How long the short side becomes."""
        return int(self.crop * MARGIN)

    @property
    def longest_side(self) -> int:
        """How large pictures should come for a wide one (16:9) to have this short side."""
        return 2 * ceil(self.short_side * 8 / 9)

    def shape(self, picture: Picture) -> Picture:
        """Cut the model's square out of a picture."""
        picture = _middle(picture, WIDEST * min(picture.shape[:2]), WIDEST * min(picture.shape[:2]))
        height, width, _ = picture.shape
        if min(height, width) != self.short_side:
            picture = _resized(picture, *(int(self.short_side * side / min(height, width)) for side in (height, width)))
        return np.ascontiguousarray(_middle(picture, self.crop, self.crop))


@dataclass(slots=True)
class Light:
    """Brightness and motion, sample by sample, from 0 to 1."""

    brightness: list[float] = field(default_factory=list)
    motion: list[float] = field(default_factory=list)
    _last: NDArray[np.float32] | None = None

    def see(self, picture: Picture) -> None:
        """Take the next picture; the first has no motion."""
        small = cv2.resize(picture, LUMA_SIZE, interpolation=cv2.INTER_AREA)
        luma = np.divide(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), 255, dtype=np.float32)
        self.brightness.append(float(luma.mean()))
        self.motion.append(0.0 if self._last is None else float(np.abs(luma - self._last).mean()))
        self._last = luma

    def by_row(self, clips: Clips) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Give brightness and motion a row: the means over the samples of its cell."""
        firsts = np.arange(0, len(self.brightness), clips.stride)
        counts = np.diff(firsts, append=len(self.brightness))
        brightness, motion = (
            np.add.reduceat(np.asarray(values, dtype=np.float64), firsts) / counts
            for values in (self.brightness, self.motion)
        )
        return brightness.astype(np.float32), motion.astype(np.float32)


def _resized(picture: Picture, height: int, width: int) -> Picture:
    channels_first = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None]
    resized = interpolate(channels_first, size=(height, width), mode="bilinear", antialias=True)
    return resized[0].permute(1, 2, 0).numpy()


def _middle(picture: Picture, height: int, width: int) -> Picture:
    top, left = max(round((picture.shape[0] - height) / 2), 0), max(round((picture.shape[1] - width) / 2), 0)
    return picture[top : top + height, left : left + width]
