# SPDX-License-Identifier: Apache-2.0
"""What was found in one pair held against what is true of it.

A deviation is found if its type and its steps are right and its time in the trainee's video overlaps the true one by at
least half: intersection over union, which is the stricter reading, for it refuses what is far too long as well as what
is far too short. A missing step has no time in the trainee's video, so its type and step suffice.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from bench.sop.pairs import Kind, Pair
from bench.sop.scenes.script import truth
from bench.sop.scenes.takes import Fault, Truth
from ovpo.sop.result import Deviation, DeviationType, Interval, Result

OVERLAP: Final = 0.5


class Found(Struct, frozen=True, kw_only=True):
    """A deviation as the engine told it, its steps by their true numbers."""

    type: DeviationType
    steps: tuple[int, ...]
    trainee: Interval | None
    confidence: float


class Judged(Struct, frozen=True, kw_only=True):
    """A pair, what was to be found, what was found, and how they go together."""

    pair: str
    kind: Kind
    nuisance: str
    verdict: str
    """`error` if the engine raised, which `error` then tells."""
    score: float | None = None
    error: str = ""
    seconds: float = 0.0
    """How long the comparison took."""
    truths: tuple[Fault, ...] = ()
    founds: tuple[Found, ...] = ()
    hits: tuple[tuple[int, int], ...] = ()
    """Which of the truths was found by which of the founds."""
    near: tuple[int, ...] = ()
    """Truths that were missed only for their time: type and steps were found."""
    boundaries: tuple[float, ...] = ()
    """How far, in seconds, the found starts and ends of steps in the trainee's video are from the true ones."""
    gold_boundaries: tuple[float, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def false_alarms(self) -> int:
        """Count what was found and is not true."""
        return len(self.founds) - len(self.hits)


def judge(pair: Pair, result: Result, seconds: float, *, found_steps: bool = False) -> Judged:
    """Hold a result against the truth; with `found_steps` its steps were found, so they are mapped to the true ones."""
    gold, trainee = truth(pair.gold), truth(pair.trainee)
    numbers = _numbers(gold, result) if found_steps else {step.number: step.number for step in result.steps}
    founds = _founds(result.deviations, numbers, merge=found_steps)
    hits = _hits(trainee.faults, founds)
    hit = {one for one, _ in hits}
    near = tuple(
        index
        for index, fault in enumerate(trainee.faults)
        if index not in hit and any(_same(fault, found) for found in founds)
    )
    return Judged(
        pair=pair.name,
        kind=pair.kind,
        nuisance=pair.trainee.nuisance.name,
        verdict=result.verdict,
        score=result.score,
        seconds=seconds,
        truths=trainee.faults,
        founds=founds,
        hits=hits,
        near=near,
        boundaries=_boundaries(trainee, [(numbers[step.number], step.trainee) for step in result.steps]),
        gold_boundaries=_boundaries(gold, [(numbers[step.number], step.gold) for step in result.steps]),
        reasons=tuple(reason.code for reason in result.reasons),
    )


def overlap(one: Interval, other: Interval) -> float:
    """Tell how much of the time that either takes both take."""
    both = min(one.end, other.end) - max(one.start, other.start)
    return max(both, 0.0) / max(max(one.end, other.end) - min(one.start, other.start), 1e-9)


def _numbers(gold: Truth, result: Result) -> dict[int, int]:
    """Map each found step to the true one with which it shares most time."""
    numbers: dict[int, int] = {}
    for step in result.steps:
        shared = {
            number: min(step.gold.end, true.end) - max(step.gold.start, true.start)
            for number, true in gold.by_number().items()
        }
        numbers[step.number] = max(shared, key=lambda number: shared[number])
    return numbers


def _founds(deviations: Sequence[Deviation], numbers: dict[int, int], *, merge: bool) -> tuple[Found, ...]:
    """Name the steps truly; parts of one true step that are found to be wrong in one way are one thing."""
    founds: list[Found] = []
    for deviation in deviations:
        steps = tuple(sorted({numbers.get(step, step) for step in deviation.steps}))
        found = Found(type=deviation.type, steps=steps, trainee=deviation.trainee, confidence=deviation.confidence)
        twin = next((one for one in founds if (one.type, one.steps) == (found.type, found.steps)), None)
        if merge and twin is not None and steps:
            founds[founds.index(twin)] = _merged(twin, found)
        else:
            founds.append(found)
    return tuple(founds)


def _merged(one: Found, other: Found) -> Found:
    intervals = [found.trainee for found in (one, other) if found.trainee is not None]
    hull = Interval(min(part.start for part in intervals), max(part.end for part in intervals)) if intervals else None
    confidence = max(one.confidence, other.confidence)
    return Found(type=one.type, steps=one.steps, trainee=hull, confidence=confidence)


def _hits(faults: Sequence[Fault], founds: Sequence[Found]) -> tuple[tuple[int, int], ...]:
    """Pair each fault with the found deviation that fits best; no two faults of a take fit the same one."""
    hits: list[tuple[int, int]] = []
    for index, fault in enumerate(faults):
        fits = [_fit(fault, found) for found in founds]
        if max(fits, default=0.0) >= OVERLAP:
            hits.append((index, fits.index(max(fits))))
    return tuple(hits)


def _fit(fault: Fault, found: Found) -> float:
    if not _same(fault, found):
        return 0.0
    if fault.trainee is None:
        return 1.0
    return overlap(fault.trainee, found.trainee) if found.trainee is not None else 0.0


def _same(fault: Fault, found: Found) -> bool:
    return fault.type is found.type and sorted(fault.steps) == sorted(found.steps)


def _boundaries(of: Truth, steps: Sequence[tuple[int, Interval | None]]) -> tuple[float, ...]:
    """Compare starts and ends of the steps that are done once; parts of one true step count as one."""
    hulls: dict[int, Interval] = {}
    for number, interval in steps:
        if interval is not None:
            known = hulls.get(number, interval)
            hulls[number] = Interval(min(known.start, interval.start), max(known.end, interval.end))
    done = [step.number for step in of.steps]
    errors: list[float] = []
    for step in of.steps:
        if step.number is not None and done.count(step.number) == 1 and step.number in hulls:
            found = hulls[step.number]
            errors += [abs(found.start - step.start), abs(found.end - step.end)]
    return tuple(errors)
