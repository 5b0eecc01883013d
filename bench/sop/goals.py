# SPDX-License-Identifier: Apache-2.0
"""What the SOP engine is to reach, and whether it did."""

from collections.abc import Mapping, Sequence
from typing import Final

from bench.goals import Goal
from bench.sop import measures
from bench.sop.judging import Judged
from bench.sop.measures import Rates
from bench.sop.pairs import Kind
from ovpo.sop.result import DeviationType

F1_GOALS: Final = {
    DeviationType.STEP_MISSING: 0.95,
    DeviationType.ORDER_SWAP: 0.95,
    DeviationType.EXTRA_STEP: 0.95,
    DeviationType.REPEATED_STEP: 0.95,
    DeviationType.OVER_TIME: 0.95,
    DeviationType.EXECUTION_DEVIATION: 0.85,
}
CLEAN_SHARE: Final = 0.95
BOUNDARY_SECONDS: Final = 0.5
UNRELATED_SCORE: Final = 20.0


def goals(judged: Sequence[Judged]) -> list[Goal]:
    """Hold everything against the goals; what was not measured reaches none."""
    rates = measures.rates(judged)
    return [
        *(_f1(kind, rates[kind], wanted) for kind, wanted in F1_GOALS.items()),
        *_clean(measures.clean(judged)),
        _boundaries(judged),
        _refused(judged, Kind.UNRELATED, "unrelated video: cannot_judge, or a score under 20", UNRELATED_SCORE),
        _refused(judged, Kind.EMPTY, "still, black, 3 frames: cannot_judge"),
        _errors(judged),
    ]


def _f1(kind: DeviationType, seen: Rates, wanted: float) -> Goal:
    told = f"{seen.f1:.3f}" if seen.true else "not measured"
    return Goal(f"F1, {kind}", f"≥ {wanted:.2f}", told, bool(seen.true) and seen.f1 >= wanted)


def _clean(seen: Mapping[str, measures.Clean]) -> list[Goal]:
    wanted = f"≥ {CLEAN_SHARE:.0%}"
    names = ("clean retakes, all nuisances: ≥ 95 points and no deviation", "clean retakes, no nuisance: the same")
    made: list[Goal] = []
    for name, group in zip(names, ("all", "none"), strict=True):
        some = seen.get(group)
        if some is None:
            made.append(Goal(name, wanted, "not measured", ok=False))
        else:
            ok = some.good >= CLEAN_SHARE * some.takes
            made.append(Goal(name, wanted, f"{some.good / some.takes:.1%} of {some.takes}", ok))
    return made


def _boundaries(judged: Sequence[Judged]) -> Goal:
    seen = measures.quantiles(one.boundaries for one in judged)
    told = f"{seen[0]:.2f} s" if seen else "not measured"
    wanted = f"≤ {BOUNDARY_SECONDS} s"
    return Goal(
        "boundary error in the trainee's video, median", wanted, told, seen is not None and seen[0] <= BOUNDARY_SECONDS
    )


def _refused(judged: Sequence[Judged], kind: Kind, name: str, most: float | None = None) -> Goal:
    good, of = measures.refused(judged, kind, most)
    return Goal(name, "all", f"{good} of {of}" if of else "not measured", bool(of) and good == of)


def _errors(judged: Sequence[Judged]) -> Goal:
    failed = sum(bool(one.error) for one in judged)
    return Goal("pairs at which the engine raised", "0", f"{failed} of {len(judged)}", not failed)
