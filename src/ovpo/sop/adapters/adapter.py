# SPDX-License-Identifier: Apache-2.0
"""A feature adapter in memory: two statistics a dimension, and the record of what they were learnt from."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ovpo.sop.embedding import Maker

Statistic = NDArray[np.float64]


class Role(StrEnum):
    """What a video is in its task."""

    GOLD = "gold"
    TRAINEE = "trainee"


class TrainedOn(Struct, frozen=True, kw_only=True):
    """A video that an adapter was learnt from; `rows` counts those in which there is something to see."""

    sha256: str
    rows: int
    role: Role


class Shrinking(Struct, frozen=True, kw_only=True):
    """How far the statistics were drawn towards those of an adapter that changes nothing.

    With `videos` gold videos the weight of what was learnt is `videos / (videos + videos_for_half)`: the mean is drawn
    towards 0 and each dimension's standard deviation towards the mean of all. `eps` is `eps_share` of that mean.
    """

    videos: int
    videos_for_half: float
    weight: float
    eps_share: float
    eps: float


class Record(Struct, frozen=True, kw_only=True):
    """What an adapter is, for whom, and where it comes from."""

    name: str
    maker: Maker
    trained_on: tuple[TrainedOn, ...]
    shrinking: Shrinking
    created_at: datetime
    code_version: str


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """Turns a raw row into `(row - mean) / max(std, eps)`, of unit length again."""

    mean: Statistic
    std: Statistic
    record: Record
