# SPDX-License-Identifier: Apache-2.0
"""The evidence of deviations: which frames to take from the two videos, and the pairs that they make."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec import Struct

from ovpo.sop.errors import SopError
from ovpo.sop.explain.marks import MARKS, label
from ovpo.sop.result import Deviation, Result
from ovpo.sop.video.samples import Picture

Side = Literal["gold", "trainee"]


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """What is to be seen at a deviation's evidence; a picture is absent where it has no counterpart or was not read."""

    number: int
    """Which deviation of the result, from one."""
    deviation: Deviation
    gold: Picture | None
    trainee: Picture | None


class PairJson(Struct, frozen=True, kw_only=True):
    """A pair for the page: where its picture is, and the moments it shows."""

    label: str
    words: str
    colour: str
    sentence: str
    confidence: float
    gold_seconds: float | None
    trainee_seconds: float | None
    picture: str | None
    """The name of the file beside this one."""


def moments(result: Result, side: Side) -> tuple[float, ...]:
    """Tell which moments of a video the evidence needs, each once and in order."""
    found = {getattr(deviation.evidence, side) for deviation in result.deviations}
    return tuple(sorted(seconds for seconds in found if seconds is not None))


def pairs(result: Result, gold: Sequence[Picture], trainee: Sequence[Picture]) -> tuple[Pair, ...]:
    """Put together the pictures that were taken at the `moments` of either video."""
    golds, trainees = _by_moment(result, "gold", gold), _by_moment(result, "trainee", trainee)
    return tuple(
        Pair(
            number=number,
            deviation=deviation,
            gold=None if deviation.evidence.gold is None else golds[deviation.evidence.gold],
            trainee=None if deviation.evidence.trainee is None else trainees[deviation.evidence.trainee],
        )
        for number, deviation in enumerate(result.deviations, 1)
    )


def without_pictures(result: Result) -> tuple[Pair, ...]:
    """Give the pairs of a result whose videos are out of reach."""
    return tuple(
        Pair(number=number, deviation=deviation, gold=None, trainee=None)
        for number, deviation in enumerate(result.deviations, 1)
    )


def absence(seconds: float | None) -> str:
    """Say why a pair lacks a picture: because there is no such moment, or because its frame could not be had."""
    return "no counterpart" if seconds is None else "picture not available"


def pair_json(pair: Pair, picture: str | None) -> PairJson:
    """Describe a pair for the page."""
    mark = MARKS[pair.deviation.type]
    return PairJson(
        label=label(pair.number, pair.deviation),
        words=mark.words,
        colour=mark.colour,
        sentence=pair.deviation.sentence,
        confidence=pair.deviation.confidence,
        gold_seconds=pair.deviation.evidence.gold,
        trainee_seconds=pair.deviation.evidence.trainee,
        picture=picture,
    )


def _by_moment(result: Result, side: Side, pictures: Sequence[Picture]) -> dict[float, Picture]:
    asked = moments(result, side)
    if len(asked) != len(pictures):
        raise SopError(
            "evidence_pictures",
            f"{side}: {len(pictures)} pictures for {len(asked)} moments; take one at each of moments(result, {side!r})",
        )
    return dict(zip(asked, pictures, strict=True))
