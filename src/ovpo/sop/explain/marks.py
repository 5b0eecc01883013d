# SPDX-License-Identifier: Apache-2.0
"""How each kind of deviation is marked: a colour, a letter and a pattern, so that no reader depends on colour alone."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from ovpo.sop.result import Deviation, DeviationType, Result


class Pattern(StrEnum):
    """What a marked area is filled with."""

    SLASHES = "slashes"
    BACKSLASHES = "backslashes"
    CROSSES = "crosses"
    DOTS = "dots"
    BARS = "bars"
    LINES = "lines"
    GRID = "grid"
    SOLID = "solid"


class Mark(Struct, frozen=True, kw_only=True):
    """The look of a kind of deviation, the same in every picture, in the report and on the page."""

    letter: str
    colour: str
    pattern: Pattern
    words: str


# The colours are those of Okabe and Ito, darkened until white letters stand out on them at 3:1 or better.
MARKS: Final[dict[DeviationType, Mark]] = {
    DeviationType.STEP_MISSING: Mark(letter="M", colour="#c44601", pattern=Pattern.CROSSES, words="step missing"),
    DeviationType.ORDER_SWAP: Mark(letter="S", colour="#00568f", pattern=Pattern.SLASHES, words="order swapped"),
    DeviationType.EXTRA_STEP: Mark(letter="E", colour="#a8477b", pattern=Pattern.GRID, words="extra step"),
    DeviationType.REPEATED_STEP: Mark(letter="R", colour="#3191cc", pattern=Pattern.BARS, words="step repeated"),
    DeviationType.OVER_TIME: Mark(letter="O", colour="#b37400", pattern=Pattern.DOTS, words="too slow"),
    DeviationType.UNDER_TIME: Mark(letter="U", colour="#857a00", pattern=Pattern.LINES, words="too fast"),
    DeviationType.EXECUTION_DEVIATION: Mark(letter="X", colour="#a3123a", pattern=Pattern.SOLID, words="done wrongly"),
    DeviationType.TEMPORAL_WARP: Mark(letter="W", colour="#007a5a", pattern=Pattern.BACKSLASHES, words="uneven pace"),
}


def label(number: int, deviation: Deviation) -> str:
    """Give the name by which pictures and text refer to the same deviation, such as M3."""
    return f"{MARKS[deviation.type].letter}{number}"


def deviations_of(result: Result, step: int) -> tuple[tuple[int, Deviation], ...]:
    """Find what is wrong with a gold step, each with its number in the result, from one."""
    return tuple((number, found) for number, found in enumerate(result.deviations, 1) if step in found.steps)
