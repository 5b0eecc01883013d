# SPDX-License-Identifier: Apache-2.0
"""What a procedure, a take of it, and the truth about it are; steps count from one, times are seconds of the file."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from ovpo.sop.result import DeviationType, Interval


class Motion(StrEnum):
    """How a tool is moved in a step."""

    TURN = "turn"
    PRESS = "press"
    WIPE = "wipe"
    STIR = "stir"
    PLACE = "place"
    TAP = "tap"


class Act(Struct, frozen=True):
    """Which tool is used, where, and how."""

    tool: int
    place: int
    motion: Motion


class Step(Struct, frozen=True, kw_only=True):
    """A step as the gold demonstration does it."""

    name: str
    act: Act
    seconds: float
    leaves: bool
    """Whether a part stays on the bench afterwards."""


class Procedure(Struct, frozen=True, kw_only=True):
    """A procedure at a work place of its own; `style` chooses among the generator's work places."""

    seed: int
    style: int
    steps: tuple[Step, ...]

    @property
    def task_id(self) -> str:
        """Name it as a definition file does."""
        return f"procedure-{self.style}-{self.seed}"


class FaultPlan(Struct, frozen=True, kw_only=True):
    """What goes wrong in a take, in terms of the procedure."""

    type: DeviationType
    step: int
    """The step concerned; for an extra step the one that it follows."""
    other: int | None = None
    """The step that it is exchanged with, or the one after which it is repeated."""
    factor: float = 1.0
    """How many times its own length the step takes."""
    act: Act | None = None
    """What is done instead, or in addition."""
    seconds: float = 0.0
    """How long the extra step takes."""
    stretch: tuple[float, float] = (0.0, 0.0)
    """Which part of the step, from 0 to 1, is done otherwise."""


class Still(StrEnum):
    """What is to be seen before and after the procedure."""

    BENCH = "bench"
    BLACK = "black"


class Nuisance(Struct, frozen=True, kw_only=True):
    """What changes a video and nothing in the procedure."""

    name: str = "none"
    brightness: float = 1.0
    noise: float = 0.0
    """More sensor noise, in levels."""
    blur: float = 0.0
    """Sigma, in thousandths of the picture's height."""
    low_bitrate: bool = False
    shift: tuple[float, float] = (0.0, 0.0)
    """In widths and heights of the picture."""
    zoom: float = 1.0
    rotation: float = 0.0
    """In degrees."""
    lead: float = 0.0
    tail: float = 0.0
    still: Still = Still.BENCH
    speed: float = 1.0
    cut: float = 0.0
    """How many seconds of the start were not filmed."""
    other_colours: bool = False


class Footage(StrEnum):
    """What a file shows; all but the first are no take of any procedure."""

    PROCEDURE = "procedure"
    STILL = "still"
    BLACK = "black"
    THREE_FRAMES = "three frames"


class Size(Struct, frozen=True):
    """Of a picture."""

    width: int
    height: int


class Take(Struct, frozen=True, kw_only=True):
    """A recording of somebody who does a procedure; `person` 0 is the demonstrator of the gold video."""

    procedure: Procedure
    person: int = 0
    faults: tuple[FaultPlan, ...] = ()
    nuisance: Nuisance = Nuisance()
    size: Size = Size(426, 240)
    frames_per_second: float = 15.0
    footage: Footage = Footage.PROCEDURE
    variable: bool = False
    """Whether the camera left frames out, so that the rest stand at uneven times."""


class TrueStep(Struct, frozen=True):
    """A stretch of a take in which one step is done."""

    name: str
    start: float
    end: float
    number: int | None
    """Which step of the gold video it is; none for an extra step."""

    @property
    def interval(self) -> Interval:
        """When it is done."""
        return Interval(self.start, self.end)


class Fault(Struct, frozen=True, kw_only=True):
    """A deviation that is really there."""

    type: DeviationType
    steps: tuple[int, ...]
    gold: Interval | None
    trainee: Interval | None
    """Absent for what is missing."""


class Truth(Struct, frozen=True, kw_only=True):
    """What is to be found in a take."""

    steps: tuple[TrueStep, ...]
    faults: tuple[Fault, ...]
    seconds: float
    """How long the video is."""

    def by_number(self) -> Mapping[int, TrueStep]:
        """Give the first time that each step of the gold video is done."""
        return {step.number: step for step in reversed(self.steps) if step.number is not None}
