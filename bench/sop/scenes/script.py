# SPDX-License-Identifier: Apache-2.0
"""Who does what when in a take: procedure and faults become segments, those a truth, and a moment of them a pose."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.sop.scenes.takes import Act, Fault, FaultPlan, Footage, Step, Take, TrueStep, Truth
from ovpo.sop.result import DeviationType, Interval

TEMPO: Final = 0.07
"""How far a step of a retake may be off its time with nothing wrong."""
HASTE: Final = 2.2
"""The pace of the first half of a step that is warped."""
REACH_SECONDS: Final = 0.8
REACH_SHARE: Final = 0.22
NOTHING_SECONDS: Final = 20.0
_UNFINISHED: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Segment:
    """A step that is done, in seconds of the action, which the camera may not have filmed from its start."""

    start: float
    seconds: float
    own_seconds: float
    """How long the step takes in the gold video."""
    act: Act
    name: str
    number: int | None
    part: int | None
    """The part that stays on the bench afterwards."""
    plan: FaultPlan | None = None
    again: bool = False

    @property
    def end(self) -> float:
        """When the next one starts."""
        return self.start + self.seconds


@dataclass(frozen=True, slots=True)
class Part:
    """Something that stays on the bench."""

    number: int
    place: int


@dataclass(frozen=True, slots=True)
class Moment:
    """What a painter needs to know of an instant; without an act nobody is there."""

    parts: tuple[Part, ...]
    act: Act | None = None
    number: int = 0
    reach: float = 0.0
    """How far the hand is in: 0 outside the picture, 1 at work."""
    progress: float = 0.0
    """How much of the work is done."""
    phase: float = 0.0
    """Seconds of motion since the work began."""
    seconds: float = 0.0


def segments(take: Take) -> tuple[Segment, ...]:
    """Lay out what is done, one after the other."""
    random = np.random.default_rng([take.procedure.seed, take.procedure.style, take.person, 11])
    plans = {plan.step: plan for plan in take.faults}
    exchanged = _exchanged(take)
    repeats = {plan.other: plan for plan in take.faults if plan.type is DeviationType.REPEATED_STEP}
    made: list[Segment] = []
    tempo = random.uniform(1 - TEMPO, 1 + TEMPO, 3 * len(take.procedure.steps)) if take.person else None
    for place in range(1, len(take.procedure.steps) + 1):
        number = exchanged.get(place, place)
        plan = plans.get(number)
        if plan is None or plan.type is not DeviationType.STEP_MISSING:
            _add(made, take.procedure.steps[number - 1], number, plan, _pace(tempo, number))
        if place in repeats:
            again = repeats[place].step
            pace = _pace(tempo, again + len(take.procedure.steps))
            _add(made, take.procedure.steps[again - 1], again, None, pace, again=True)
        extra = plans.get(place)
        if extra is not None and extra.type is DeviationType.EXTRA_STEP and extra.act is not None:
            start = made[-1].end if made else 0.0
            made.append(Segment(start, extra.seconds, extra.seconds, extra.act, "extra", None, None, extra))
    return tuple(made)


def truth(take: Take) -> Truth:
    """Say what is to be found in the video of a take."""
    made = segments(take)
    if take.footage is not Footage.PROCEDURE:
        return Truth(steps=(), faults=(), seconds=seconds(take, made))
    gold, start = {}, 0.0
    for number, step in enumerate(take.procedure.steps, start=1):
        gold[number] = Interval(start, start := start + step.seconds)
    steps = tuple(
        TrueStep(segment.name, *_filmed(take, segment.start, segment.end), segment.number) for segment in made
    )
    found = [_fault(take, plan, made, gold) for plan in take.faults]
    return Truth(steps=steps, faults=tuple(found), seconds=seconds(take, made))


def seconds(take: Take, made: tuple[Segment, ...]) -> float:
    """Tell how long the video of a take is."""
    if take.footage is Footage.THREE_FRAMES:
        return 3 / take.frames_per_second
    if take.footage is not Footage.PROCEDURE:
        return NOTHING_SECONDS
    return take.nuisance.lead + (made[-1].end - take.nuisance.cut) / take.nuisance.speed + take.nuisance.tail


def moment(made: tuple[Segment, ...], at: float) -> Moment:
    """Say what goes on at a moment of the action; before and after it nobody is there."""
    parts: list[Part] = []
    for segment in made:
        if at < segment.start:
            break
        if at < segment.end:
            return _inside(segment, at - segment.start, tuple(parts))
        if segment.part is not None and Part(segment.part, segment.act.place) not in parts:
            parts.append(Part(segment.part, segment.act.place))
    return Moment(tuple(parts))


def _exchanged(take: Take) -> dict[int, int]:
    exchanged: dict[int, int] = {}
    for plan in take.faults:
        if plan.type is DeviationType.ORDER_SWAP and plan.other is not None:
            exchanged |= {plan.step: plan.other, plan.other: plan.step}
    return exchanged


def _pace(tempo: np.ndarray | None, number: int) -> float:
    return 1.0 if tempo is None else float(tempo[number - 1])


def _add(
    made: list[Segment], step: Step, number: int, plan: FaultPlan | None, pace: float, *, again: bool = False
) -> None:
    start = made[-1].end if made else 0.0
    factor = plan.factor if plan is not None else 1.0
    own = plan if plan is not None and plan.type is not DeviationType.EXTRA_STEP else None
    part = number if step.leaves else None
    made.append(
        Segment(start, step.seconds * pace * factor, step.seconds, step.act, step.name, number, part, own, again)
    )


def _filmed(take: Take, start: float, end: float) -> tuple[float, float]:
    lead, cut, speed = take.nuisance.lead, take.nuisance.cut, take.nuisance.speed
    return lead + max(start - cut, 0.0) / speed, lead + max(end - cut, 0.0) / speed


def _fault(take: Take, plan: FaultPlan, made: tuple[Segment, ...], gold: dict[int, Interval]) -> Fault:
    if plan.type is DeviationType.EXTRA_STEP:
        extra = next(segment for segment in made if segment.plan is plan)
        return Fault(type=plan.type, steps=(), gold=None, trainee=Interval(*_filmed(take, extra.start, extra.end)))
    if plan.type is DeviationType.STEP_MISSING:
        return Fault(type=plan.type, steps=(plan.step,), gold=gold[plan.step], trainee=None)
    if plan.type is DeviationType.ORDER_SWAP and plan.other is not None:
        both = [segment for segment in made if segment.number in (plan.step, plan.other)]
        hull = Interval(*_filmed(take, both[0].start, both[-1].end))
        own = Interval(gold[plan.step].start, gold[plan.other].end)
        return Fault(type=plan.type, steps=(plan.step, plan.other), gold=own, trainee=hull)
    again = plan.type is DeviationType.REPEATED_STEP
    segment = next(segment for segment in made if segment.number == plan.step and segment.again is again)
    start, end = segment.start, segment.end
    own = gold[plan.step]
    if plan.type is DeviationType.EXECUTION_DEVIATION:
        first, last = plan.stretch
        start, end = start + first * segment.seconds, start + last * segment.seconds
        own = Interval(own.start + first * own.seconds, own.start + last * own.seconds)
    return Fault(type=plan.type, steps=(plan.step,), gold=own, trainee=Interval(*_filmed(take, start, end)))


def _inside(segment: Segment, at: float, parts: tuple[Part, ...]) -> Moment:
    plan, share, phase = segment.plan, at / segment.seconds, at
    act = segment.act
    if plan is not None and plan.type is DeviationType.TEMPORAL_WARP:
        share = _warped(share)
        phase = share * segment.seconds
    if plan is not None and plan.type is DeviationType.EXECUTION_DEVIATION and plan.act is not None:
        act = plan.act if plan.stretch[0] <= share < plan.stretch[1] else act
    reach_seconds = min(REACH_SECONDS, REACH_SHARE * segment.own_seconds, REACH_SHARE * segment.seconds)
    edge = reach_seconds / segment.seconds
    inside = min(share, 1 - share) / edge
    progress = float(np.clip((share - edge) / max(1 - 2 * edge, _UNFINISHED), 0, 1))
    return Moment(
        parts=parts,
        act=act,
        number=segment.number or 0,
        reach=_smooth(inside),
        progress=progress,
        phase=phase,
        seconds=at,
    )


def _warped(share: float) -> float:
    turn = 0.5 / HASTE
    return share * HASTE if share < turn else 0.5 + (share - turn) * 0.5 / (1 - turn)


def _smooth(share: float) -> float:
    part = min(max(share, 0.0), 1.0)
    return part * part * (3 - 2 * part)
