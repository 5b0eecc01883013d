# SPDX-License-Identifier: Apache-2.0
"""What the timeline shows: gold steps, where the trainee did them, where the deviations are; JSON for the page."""

from msgspec import Struct

from ovpo.sop.explain.marks import MARKS, Pattern, label
from ovpo.sop.result import Deviation, DeviationType, Interval, Result


class GoldStep(Struct, frozen=True, kw_only=True):
    """A step of the gold video."""

    number: int
    name: str
    critical: bool
    at: Interval
    done: bool


class Stretch(Struct, frozen=True, kw_only=True):
    """A part of the trainee's video that is a gold step, done once or again; an extra step has no number."""

    step: int | None
    name: str
    at: Interval
    again: bool = False


class Link(Struct, frozen=True, kw_only=True):
    """A gold step and a stretch that matches it."""

    step: int
    gold: Interval
    trainee: Interval
    swapped: bool
    again: bool = False


class Marking(Struct, frozen=True, kw_only=True):
    """A deviation: where to draw it and how."""

    label: str
    letter: str
    colour: str
    pattern: Pattern
    words: str
    steps: tuple[int, ...]
    sentence: str
    confidence: float
    severity: float
    gold: Interval | None
    trainee: Interval | None
    """Of no length where it marks the point at which something should have been."""


class Timeline(Struct, frozen=True, kw_only=True):
    """Both videos, side by side; times are seconds."""

    gold_seconds: float
    trainee_seconds: float
    lead_in: Interval | None
    """What comes before the procedure in the trainee's video; absent where nothing of the procedure was found."""
    tail: Interval | None
    steps: tuple[GoldStep, ...]
    stretches: tuple[Stretch, ...]
    links: tuple[Link, ...]
    deviations: tuple[Marking, ...]


def timeline(result: Result) -> Timeline:
    """Lay a result out in time."""
    stretches = _stretches(result)
    first = min((stretch.at.start for stretch in stretches), default=0.0)
    last = max((stretch.at.end for stretch in stretches), default=0.0)
    end = result.trainee.seconds
    return Timeline(
        gold_seconds=result.gold.seconds,
        trainee_seconds=end,
        lead_in=Interval(0.0, first) if stretches and first > 0 else None,
        tail=Interval(last, end) if stretches and last < end else None,
        steps=tuple(
            GoldStep(
                number=step.number,
                name=step.name,
                critical=step.critical,
                at=step.gold,
                done=step.trainee is not None,
            )
            for step in result.steps
        ),
        stretches=stretches,
        links=_links(result),
        deviations=markings(result),
    )


def markings(result: Result) -> tuple[Marking, ...]:
    """Give each deviation the look of its kind, in the order of the result."""
    return tuple(_marking(number, found) for number, found in enumerate(result.deviations, 1))


def _marking(number: int, found: Deviation) -> Marking:
    mark = MARKS[found.type]
    return Marking(
        label=label(number, found),
        letter=mark.letter,
        colour=mark.colour,
        pattern=mark.pattern,
        words=mark.words,
        steps=found.steps,
        sentence=found.sentence,
        confidence=found.confidence,
        severity=found.severity,
        gold=found.gold,
        trainee=found.trainee,
    )


def _stretches(result: Result) -> tuple[Stretch, ...]:
    found = [
        Stretch(step=step.number, name=step.name, at=step.trainee) for step in result.steps if step.trainee is not None
    ]
    found += [
        Stretch(step=step.number, name=step.name, at=repeat, again=True)
        for step in result.steps
        for repeat in step.repeats
    ]
    found += [
        Stretch(step=None, name="", at=extra.trainee)
        for extra in result.deviations
        if extra.type is DeviationType.EXTRA_STEP and extra.trainee is not None
    ]
    return tuple(sorted(found, key=lambda stretch: (stretch.at.start, stretch.at.end)))


def _links(result: Result) -> tuple[Link, ...]:
    swapped = {step for found in result.deviations if found.type is DeviationType.ORDER_SWAP for step in found.steps}
    return tuple(
        Link(step=step.number, gold=step.gold, trainee=at, swapped=step.number in swapped, again=again)
        for step in result.steps
        for at, again in (
            *(() if step.trainee is None else ((step.trainee, False),)),
            *((r, True) for r in step.repeats),
        )
    )
