# SPDX-License-Identifier: Apache-2.0
"""Which pairs of videos are compared: clean under each nuisance, faulty, graded, and not to be judged."""

from collections.abc import Iterator
from enum import StrEnum
from itertools import count
from types import ModuleType
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.random import Generator

from bench.sop.scenes import judge, planning, tune
from bench.sop.scenes.takes import FaultPlan, Footage, Nuisance, Procedure, Size, Take
from ovpo.sop.result import DeviationType

SETS: Final[dict[str, ModuleType]] = {"tune": tune, "judge": judge}
TYPES: Final = tuple(DeviationType)
SHAPES: Final = (
    (Size(426, 240), Size(640, 360), Size(854, 480), Size(1280, 720)),
    (Size(320, 240), Size(640, 480)),
    (Size(240, 426), Size(360, 640)),
)
SHAPE_SHARES: Final = (0.65, 0.2, 0.15)
SMALL_SHARE: Final = 0.7
RATES: Final = (12.0, 15.0, 24000 / 1001, 25.0, 30.0)
RATE_SHARES: Final = (0.3, 0.4, 0.1, 0.1, 0.1)
LARGE: Final = 800
LARGE_RATE: Final = 15.0
"""Wide pictures come no faster, so that the set is rendered in minutes."""
CLEAN_EACH: Final = 3
FAULTS_EACH: Final = 4
WITH_NUISANCE: Final = 0.3
"""How many of the faulty takes are recorded under a nuisance too."""
GRADED_EVERY: Final = 4
GRADES: Final = 3
"""Steps left out at most, and never more than half of them."""
MANY_STEPS: Final = 6
"""From so many steps on, three faults leave enough that is right."""
UNRELATED_STYLE: Final = 100


class Kind(StrEnum):
    """What a pair is to show."""

    CLEAN = "clean"
    FAULT = "fault"
    COMBINED = "combined"
    GRADED = "graded"
    UNRELATED = "unrelated"
    EMPTY = "empty"


class Pair(Struct, frozen=True, kw_only=True):
    """A gold take and what is compared with it."""

    name: str
    generator: str
    kind: Kind
    gold: Take
    trainee: Take


def pairs(generator: str, number: int, seed: int) -> list[Pair]:
    """List so many pairs of a set; the same seed gives the same ones, and more begin as fewer do."""
    listed: list[Pair] = []
    for index in count():
        for pair in _of_procedure(generator, index, seed):
            if len(listed) == number:
                return listed
            listed.append(pair)
    return listed


def _of_procedure(generator: str, index: int, seed: int) -> Iterator[Pair]:
    scenes = SETS[generator]
    random = np.random.default_rng([seed, index, 51])
    number = 1000 * seed + index
    own: Procedure = scenes.procedure(number, index)
    shape = SHAPES[int(random.choice(len(SHAPES), p=SHAPE_SHARES))]
    gold = _recorded(random, Take(procedure=own), shape)
    people = iter(range(1, 100))

    def pair(kind: Kind, label: str, faults: tuple[FaultPlan, ...] = (), nuisance: Nuisance | None = None) -> Pair:
        take = Take(procedure=own, person=next(people), faults=faults, nuisance=nuisance or Nuisance())
        return _pair(generator, index, kind, label, gold, _retake(random, take, gold, shape))

    for slot in range(CLEAN_EACH):
        drawn = planning.nuisances(random)
        nuisance = drawn[(index * CLEAN_EACH + slot) % len(drawn)]
        yield pair(Kind.CLEAN, nuisance.name, (), nuisance)
    for slot in range(FAULTS_EACH):
        plans = _fitting(random, scenes, own, index * FAULTS_EACH + slot)
        yield pair(Kind.FAULT, plans[0].type, plans, _perhaps(random))
    plans = _several(random, scenes, own, 2 + (index % 2 if len(own.steps) >= MANY_STEPS else 0))
    yield pair(Kind.COMBINED, "+".join(plan.type for plan in plans), plans, _perhaps(random))
    yield _not_to_judge(generator, index, random, gold, shape)
    if index % GRADED_EVERY == 0:
        most = min(GRADES, len(own.steps) // 2)
        numbers = [int(one) for one in random.permutation(len(own.steps))[:most] + 1]
        for grade in range(most + 1):
            left_out = tuple(FaultPlan(type=DeviationType.STEP_MISSING, step=one) for one in numbers[:grade])
            yield pair(Kind.GRADED, f"{grade} of {len(own.steps)} missing", left_out)


def _pair(generator: str, index: int, kind: Kind, label: str, gold: Take, trainee: Take) -> Pair:
    name = f"{index:03d}-{kind}-{label}-{trainee.person}".replace(" ", "_")
    return Pair(name=name, generator=generator, kind=kind, gold=gold, trainee=trainee)


def _not_to_judge(generator: str, index: int, random: Generator, gold: Take, shape: tuple[Size, ...]) -> Pair:
    if index % 2:
        footage = tuple(Footage)[1 + index // 2 % (len(Footage) - 1)]
        trainee = Take(procedure=gold.procedure, person=90, footage=footage)
        return _pair(generator, index, Kind.EMPTY, footage, gold, _retake(random, trainee, gold, shape))
    style = UNRELATED_STYLE + index
    other: Procedure = SETS[generator].procedure(gold.procedure.seed, style)
    trainee = Take(procedure=other, person=91)
    return _pair(generator, index, Kind.UNRELATED, "procedure", gold, _retake(random, trainee, gold, shape))


def _fitting(random: Generator, scenes: ModuleType, own: Procedure, turn: int) -> tuple[FaultPlan, ...]:
    for further in range(len(TYPES)):
        wanted = TYPES[(turn + further) % len(TYPES)]
        plans = planning.faults(random, own, [wanted], scenes.TOOLS, len(scenes.PLACES))
        if plans is not None:
            return plans
    raise ValueError("a procedure has room for no fault: make its steps longer")


def _several(random: Generator, scenes: ModuleType, own: Procedure, number: int) -> tuple[FaultPlan, ...]:
    while True:
        types = [TYPES[int(one)] for one in random.permutation(len(TYPES))[:number]]
        plans = planning.faults(random, own, types, scenes.TOOLS, len(scenes.PLACES))
        if plans is not None:
            return plans


def _perhaps(random: Generator) -> Nuisance | None:
    drawn = planning.nuisances(random)
    return drawn[int(random.integers(len(drawn)))] if random.random() < WITH_NUISANCE else None


def _recorded(random: Generator, take: Take, shape: tuple[Size, ...]) -> Take:
    size = shape[0] if random.random() < SMALL_SHARE else shape[int(random.integers(1, len(shape)))]
    rate = float(random.choice(RATES, p=RATE_SHARES))
    if size.width > LARGE:
        rate = min(rate, LARGE_RATE)
    return _at(take, size, rate, variable=bool(random.random() < 0.15))


def _retake(random: Generator, take: Take, gold: Take, shape: tuple[Size, ...]) -> Take:
    if random.random() < 0.3:
        return _recorded(random, take, shape)
    return _at(take, gold.size, gold.frames_per_second, variable=gold.variable)


def _at(take: Take, size: Size, rate: float, *, variable: bool) -> Take:
    return Take(
        procedure=take.procedure,
        person=take.person,
        faults=take.faults,
        nuisance=take.nuisance,
        footage=take.footage,
        size=size,
        frames_per_second=rate,
        variable=variable,
    )
