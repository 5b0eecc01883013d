# SPDX-License-Identifier: Apache-2.0
"""Chance: procedures, the faults of a take, and nuisances, each drawn from a generator that is handed in."""

from collections.abc import Sequence
from math import ceil, exp, log
from typing import Final, TypeVar

from numpy.random import Generator

from bench.sop.scenes.takes import Act, FaultPlan, Motion, Nuisance, Procedure, Step, Still
from ovpo.sop.result import DeviationType

_Choice = TypeVar("_Choice")
SHORTEST: Final = 2.0
LONGEST: Final = 20.0
STEP_COUNTS: Final = (4, 4, 4, 4, 5, 5, 5, 6, 6, 7, 9, 12)
UNDER_SECONDS: Final = 5.0
WARP_SECONDS: Final = 8.0
DEVIATION_SECONDS: Final = 2.0
CUT_SECONDS: Final = 1.0
MOTIONS: Final = tuple(Motion)
UNLIKE: Final = {
    Motion.TURN: (Motion.WIPE, Motion.STIR, Motion.PLACE),
    Motion.PRESS: (Motion.WIPE, Motion.PLACE, Motion.STIR),
    Motion.WIPE: (Motion.PRESS, Motion.TURN, Motion.TAP),
    Motion.STIR: (Motion.TURN, Motion.TAP, Motion.PRESS),
    Motion.PLACE: (Motion.TURN, Motion.PRESS, Motion.TAP),
    Motion.TAP: (Motion.WIPE, Motion.STIR, Motion.PLACE),
}
"""Motions that nobody takes for one another."""


def procedure(random: Generator, seed: int, style: int, tools: int, places: int, steps: int | None = None) -> Procedure:
    """Make up a procedure in which tools and places come again but no step is like another in all."""
    count = steps or int(random.choice(STEP_COUNTS))
    own_tools = [int(tool) for tool in random.permutation(tools)[: min(tools - 2, ceil(0.75 * count))]]
    own_places = [int(place) for place in random.permutation(places)[: min(places, ceil(0.75 * count))]]
    acts: list[Act] = []
    while len(acts) < count:
        act = Act(_one(random, own_tools), _one(random, own_places), Motion(_one(random, MOTIONS)))
        closeness = max((_alike(act, other) for other in acts), default=0)
        if closeness == 3 or (closeness == 2 and random.random() > 0.1):
            continue
        acts.append(act)
    lengths = [_length(random, 3.5 if index == 0 else SHORTEST) for index in range(count)]
    made = tuple(
        Step(name=f"{act.motion} {index}", act=act, seconds=seconds, leaves=bool(random.random() < 0.4))
        for index, (act, seconds) in enumerate(zip(acts, lengths, strict=True), start=1)
    )
    return Procedure(seed=seed, style=style, steps=made)


def faults(
    random: Generator, of: Procedure, types: Sequence[DeviationType], tools: int, places: int
) -> tuple[FaultPlan, ...] | None:
    """Plan faults of these types, each in steps of its own; none if the procedure has no room for them."""
    taken: set[int] = set()
    plans: list[FaultPlan] = []
    for wanted in types:
        plan = _fault(random, of, wanted, taken, tools, places)
        if plan is None:
            return None
        taken |= {plan.step} | ({plan.other} if plan.other is not None else set())
        plans.append(plan)
    return tuple(plans)


def nuisances(random: Generator) -> tuple[Nuisance, ...]:
    """Draw one of each kind; the first changes nothing."""
    sign = random.choice((-1.0, 1.0), 6)
    lead, tail = (float(seconds) for seconds in random.uniform(2, 10, 2))
    return (
        Nuisance(),
        Nuisance(name="brighter", brightness=1.2),
        Nuisance(name="darker", brightness=0.8),
        Nuisance(name="noise", noise=float(random.uniform(7, 11))),
        Nuisance(name="blur", blur=float(random.uniform(5, 8))),
        Nuisance(name="low bitrate", low_bitrate=True),
        Nuisance(name="shift", shift=(0.1 * float(sign[0]), 0.1 * float(sign[1]))),
        Nuisance(name="zoom", zoom=1.1),
        Nuisance(name="rotation", rotation=3.0 * float(sign[2])),
        Nuisance(name="still lead", lead=lead, tail=0.0),
        Nuisance(name="black lead", lead=lead, still=Still.BLACK),
        Nuisance(name="still tail", tail=tail),
        Nuisance(name="black tail", tail=tail, still=Still.BLACK),
        Nuisance(name="lead and tail", lead=tail, tail=lead, still=Still(_one(random, tuple(Still)))),
        Nuisance(name="slower", speed=0.9),
        Nuisance(name="faster", speed=1.2),
        Nuisance(name="start cut", cut=CUT_SECONDS),
        Nuisance(name="other colours", other_colours=True),
    )


def _fault(
    random: Generator, of: Procedure, wanted: DeviationType, taken: set[int], tools: int, places: int
) -> FaultPlan | None:
    least = {DeviationType.UNDER_TIME: UNDER_SECONDS, DeviationType.TEMPORAL_WARP: WARP_SECONDS}.get(wanted, 0.0)
    if wanted is DeviationType.EXECUTION_DEVIATION:
        least = DEVIATION_SECONDS / 0.7
    count = len(of.steps)
    free = [number for number in range(1, count + 1) if number not in taken and of.steps[number - 1].seconds >= least]
    random.shuffle(free)
    for number in free:
        act = of.steps[number - 1].act
        if wanted is DeviationType.ORDER_SWAP:
            ahead = [other for other in range(number + 1, min(number + 4, count + 1)) if other not in taken]
            if not ahead:
                continue
            other = ahead[0] if random.random() < 0.6 else int(_one(random, ahead))
            return FaultPlan(type=wanted, step=number, other=other)
        if wanted is DeviationType.REPEATED_STEP:
            after = number if random.random() < 0.5 else int(random.integers(number, count + 1))
            if after in taken:
                continue
            return FaultPlan(type=wanted, step=number, other=after)
        if wanted is DeviationType.EXTRA_STEP:
            return FaultPlan(
                type=wanted, step=number, act=_foreign(random, of, tools, places), seconds=_length(random, 3.0, 10.0)
            )
        if wanted is DeviationType.EXECUTION_DEVIATION:
            return _deviation(random, of, number, act, tools, places)
        factor = {
            DeviationType.OVER_TIME: float(random.uniform(1.4, 2.5)),
            DeviationType.UNDER_TIME: float(random.uniform(0.3, 0.42)),
        }.get(wanted, 1.0)
        return FaultPlan(type=wanted, step=number, factor=factor)
    return None


def _deviation(random: Generator, of: Procedure, number: int, act: Act, tools: int, places: int) -> FaultPlan:
    share = max(float(random.uniform(0.4, 0.8)), min(0.8, 1.1 * DEVIATION_SECONDS / of.steps[number - 1].seconds))
    first = float(random.uniform(0.1, 0.9 - share)) if share < 0.8 else 0.1
    used = {step.act for step in of.steps}
    choices = [
        Act(_one(random, [tool for tool in range(tools) if tool != act.tool]), act.place, act.motion),
        Act(act.tool, _one(random, [place for place in range(places) if place != act.place]), act.motion),
        Act(act.tool, act.place, Motion(_one(random, UNLIKE[act.motion]))),
    ]
    fresh = [choice for choice in choices if choice not in used] or [choices[0]]
    instead = fresh[int(random.integers(len(fresh)))]
    return FaultPlan(
        type=DeviationType.EXECUTION_DEVIATION, step=number, act=instead, stretch=(first, min(first + share, 0.9))
    )


def _foreign(random: Generator, of: Procedure, tools: int, places: int) -> Act:
    known = {step.act.tool for step in of.steps}
    strange = [tool for tool in range(tools) if tool not in known]
    return Act(_one(random, strange), int(random.integers(places)), Motion(_one(random, MOTIONS)))


def _alike(one: Act, other: Act) -> int:
    return (one.tool == other.tool) + (one.place == other.place) + (one.motion == other.motion)


def _length(random: Generator, shortest: float, longest: float = LONGEST) -> float:
    drawn = exp(float(random.triangular(log(shortest), log(max(3.6, 1.1 * shortest)), log(longest))))
    return round(drawn, 2)


def _one(random: Generator, among: Sequence[_Choice]) -> _Choice:
    return among[int(random.integers(len(among)))]
