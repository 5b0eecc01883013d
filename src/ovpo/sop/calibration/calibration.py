# SPDX-License-Identifier: Apache-2.0
"""What is usual between honest retakes, as numbers that thresholds are made of."""

from msgspec import Struct


class Calibration(Struct, frozen=True, kw_only=True):
    """Cosines between rows that show the same, and what they are measured against.

    A pair's own level is the cosine that most of its matched rows reach; it is lower under another camera or light.
    """

    learnt_from: str
    """What it was learnt from: synthetic nuisances of the gold video, retakes, or nothing (the defaults)."""
    pairs: int
    usual: float
    """The level of the middle one of the pairs."""
    lowest: float
    """The lowest level that a pair may have of which anything is said."""
    same: float
    """A row shows the same as the gold's if its cosine is above this share of the pair's level."""
    width: float
    """How far from there, as a share of the level, a cosine is as telling as can be."""
    again: float
    """A stretch of the trainee's video shows again what was shown before if their cosine is above this."""
    shortfall: dict[str, float] = {}
    """How far below what is usual in a pair an aspect of a step may be for two seconds, in usual differences; aspects
    that are not named are not looked at."""


DEFAULT = Calibration(
    learnt_from="nothing: the defaults",
    pairs=0,
    usual=0.85,
    lowest=0.3,
    same=0.7,
    width=0.25,
    again=0.7,
    shortfall={"place": 12.0, "held": 13.0, "sway": 11.0, "shape": 10.0},
)
