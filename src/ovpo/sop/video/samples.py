# SPDX-License-Identifier: Apache-2.0
"""A picture of a video at a time that was asked for, and how often and how large pictures are wanted."""

from dataclasses import dataclass

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""Rows, columns, and red, green and blue; upright, as a player shows it."""


class Sampling(Struct, frozen=True, kw_only=True):
    """How often by presentation time, and how large; small videos are not enlarged."""

    frames_per_second: float = 4.0
    longest_side: int = 320


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What is to be seen at `index / frames_per_second` seconds after the first picture."""

    index: int
    seconds: float
    """When the picture that stands for that time is presented, counted from the first picture."""
    picture: Picture
