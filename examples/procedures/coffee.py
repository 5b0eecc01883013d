# SPDX-License-Identifier: Apache-2.0
"""Brewing coffee by hand: its steps, and how five people go about it. No drawing here."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

TASK: Final = "brew-coffee"


class Motion(StrEnum):
    """How a hand moves while it works."""

    CIRCLE = "circle"
    UP_AND_DOWN = "up_and_down"
    SIDEWAYS = "sideways"
    REACH = "reach"
    POUR = "pour"


@dataclass(frozen=True, slots=True)
class Step:
    """What is done: where on the table (in shares of the picture), with what, how, and for how many seconds."""

    name: str
    at: tuple[float, float]
    tool: tuple[int, int, int]
    """The colour of what the hand holds, red, green and blue."""
    motion: Motion
    seconds: float


GRIND: Final = Step("Grind the beans", (0.16, 0.62), (120, 72, 40), Motion.CIRCLE, 5.0)
FILTER: Final = Step("Put the filter in", (0.50, 0.30), (238, 232, 214), Motion.REACH, 4.0)
FILL: Final = Step("Fill the coffee in", (0.36, 0.55), (200, 40, 44), Motion.SIDEWAYS, 4.5)
POUR: Final = Step("Pour the water", (0.62, 0.42), (60, 96, 210), Motion.POUR, 7.0)
STIR: Final = Step("Stir", (0.84, 0.66), (250, 190, 40), Motion.UP_AND_DOWN, 4.0)
SPILL: Final = Step("Wipe the table", (0.30, 0.84), (70, 200, 120), Motion.SIDEWAYS, 5.0)
STEPS: Final = (GRIND, FILTER, FILL, POUR, STIR)


@dataclass(frozen=True, slots=True)
class Take:
    """A run of the procedure, and how it was filmed."""

    name: str
    role: str
    steps: Sequence[tuple[Step, float]]
    """What is done, one after another, and how many times as long as usual each takes."""
    light: float = 1.0
    sleeve: tuple[int, int, int] = (96, 110, 140)
    tells: str = ""
    """What a judge should find."""


def _evenly(steps: Sequence[Step], pace: float = 1.0) -> list[tuple[Step, float]]:
    return [(step, pace) for step in steps]


TAKES: Final = (
    Take("demonstration", "gold", _evenly(STEPS)),
    Take("anna", "trainee", _evenly(STEPS, 1.05), light=1.1, sleeve=(150, 90, 96), tells="all as it should be"),
    Take("ben", "trainee", _evenly([GRIND, FILL, POUR, STIR]), sleeve=(60, 120, 110), tells="no filter"),
    Take("chris", "trainee", _evenly([FILTER, GRIND, FILL, POUR, STIR]), light=0.9, tells="filter before grinding"),
    Take(
        "dana",
        "trainee",
        [(GRIND, 1.0), (FILTER, 1.0), (FILL, 1.0), (SPILL, 1.0), (POUR, 1.6), (STIR, 1.0)],
        sleeve=(120, 100, 60),
        tells="wipes the table in between, and pours for too long",
    ),
)


def definition() -> str:
    """Write the procedure's definition: its steps by name."""
    lines = [f"task: {TASK}", "steps:"]
    begun = 0.0
    for step in STEPS:
        critical = "\n    critical: true" if step is FILTER else ""
        lines.append(f"  - name: {step.name}\n    starts_at: {begun:g}{critical}")
        begun += step.seconds
    return "\n".join(lines) + "\n"
