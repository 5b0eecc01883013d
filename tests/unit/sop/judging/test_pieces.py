# SPDX-License-Identifier: Apache-2.0
"""Runs whose steps are parted by lulls: what is between two of them is one whole step, or something else."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from msgspec import structs

from ovpo.sop.embedding import Embedding
from ovpo.sop.judging.case import Case, GoldStep
from ovpo.sop.judging.comparing import compare
from ovpo.sop.judging.finding import find
from ovpo.sop.judging.limits import Limits
from ovpo.sop.judging.matching import taken_out
from ovpo.sop.judging.visits import Kind, Piece, Run, retold
from tests.unit.sop.judging.acting import CALIBRATION, PRICES, STEP, Act, film

LIMITS = Limits()
ALIKE = Act(1, STEP, 0.5, 0.5)
"""An act in which nothing shows how far it has come."""
GOLD = (Act(0), ALIKE, Act(2), Act(3))


def parted(
    acts: Sequence[Act], *, lulls: bool = True, begun: bool = False, seed: int = 0, noise: float = 0.25
) -> Embedding:
    """Film acts between which the hands leave the picture; `begun` says that they are there from the first moment."""
    plain = film(acts, seed=seed, noise=noise)
    shares = [np.minimum(np.arange(act.rows), np.arange(act.rows)[::-1]) for act in acts]
    presence = 0.1 * np.clip(np.concatenate(shares) / 3, 0.05, 1) if lulls else np.full(len(plain.rows), 0.1)
    if begun:
        presence[:3] = 0.1
    return Embedding(plain.rows, structs.replace(plain.sidecar, presence=tuple(map(float, presence))))


def case_of(acts: Sequence[Act], *, gold: Sequence[Act] = GOLD, lulls: bool = True, begun: bool = False) -> Case:
    edges = np.cumsum([0, *(act.rows for act in gold)]).tolist()
    steps = [GoldStep(f"act {number}", edges[number], edges[number + 1]) for number in range(len(gold))]
    demonstration = parted(gold, lulls=lulls, seed=99, noise=0.1)
    return compare(demonstration, parted(acts, lulls=lulls, begun=begun), steps, CALIBRATION, PRICES, LIMITS)


def told(acts: Sequence[Act], *, lulls: bool = True, begun: bool = False) -> list[tuple[str, tuple[int, ...]]]:
    return [(one.type.value, one.steps) for one in find(case_of(acts, lulls=lulls, begun=begun), LIMITS)]


def test_a_good_run_falls_into_its_steps() -> None:
    case = case_of(GOLD)
    assert [(piece.first, piece.end, piece.step) for piece in case.run.pieces] == [
        (24 * number, 24 * number + 24, number) for number in range(4)
    ]
    assert find(case, LIMITS) == ()


def test_where_nobody_leaves_the_picture_there_are_no_pieces() -> None:
    assert case_of(GOLD, lulls=False).run.pieces == ()


def test_lulls_that_are_none_of_the_golds_are_not_relied_on() -> None:
    steps = [GoldStep(f"act {number}", 24 * number, 24 * number + 24) for number in range(4)]
    gold = parted(GOLD, lulls=False, seed=99, noise=0.1)
    assert compare(gold, parted(GOLD), steps, CALIBRATION, PRICES, LIMITS).run.pieces == ()


def test_a_lull_tells_what_is_done_twice_from_what_is_done_slowly() -> None:
    twice = told([Act(0), ALIKE, ALIKE, Act(2), Act(3)])
    assert twice == [("repeated_step", (2,))]
    assert told([Act(0), Act(1, 2 * STEP, 0.5, 0.5), Act(2), Act(3)]) == [("over_time", (2,))]


def test_a_lull_that_the_gold_has_amid_a_step_too_is_no_end_of_it() -> None:
    gold = (Act(0), ALIKE, ALIKE, Act(2), Act(3))
    demonstration = parted(gold, seed=99, noise=0.1)
    steps = [GoldStep("a", 0, 24), GoldStep("b", 24, 72), GoldStep("c", 72, 96), GoldStep("d", 96, 120)]
    case = compare(demonstration, parted(gold), steps, CALIBRATION, PRICES, LIMITS)
    assert [piece.step for piece in case.run.pieces] == [0, 1, 2, 3]
    assert find(case, LIMITS) == ()


@pytest.mark.parametrize("rows", [14, 24, 40])
def test_what_is_between_two_lulls_and_no_step_is_an_extra_one(rows: int) -> None:
    assert told([Act(0), ALIKE, Act(16, rows), Act(2), Act(3)]) == [("extra_step", ())]


def test_what_is_done_otherwise_between_two_lulls_is_not_extra() -> None:
    parts = [Act(0), ALIKE, Act(2, 6, 0, 0.25), Act(16, 12), Act(2, 6, 0.75, 1), Act(3)]
    amid = parted([Act(0), ALIKE, Act(2), Act(3)])
    plain = film(parts)
    steps = [GoldStep(f"act {number}", 24 * number, 24 * number + 24) for number in range(4)]
    trainee = Embedding(plain.rows, structs.replace(plain.sidecar, presence=amid.sidecar.presence))
    case = compare(parted(GOLD, seed=99, noise=0.1), trainee, steps, CALIBRATION, PRICES, LIMITS)
    assert [(one.type.value, one.steps) for one in find(case, LIMITS)] == [("execution_deviation", (3,))]


def test_a_step_that_is_left_out_is_missing() -> None:
    assert told([Act(0), Act(2), Act(3)]) == [("step_missing", (2,))]
    assert told([ALIKE, Act(2), Act(3)]) == [("step_missing", (1,))]


def test_steps_that_change_places_are_exchanged() -> None:
    assert told([Act(0), Act(2), ALIKE, Act(3)]) == [("order_swap", (2, 3))]


@pytest.mark.parametrize("rows", [8, 9, 10])
def test_a_step_that_is_hurried_is_there(rows: int) -> None:
    assert told([Act(0), ALIKE, Act(2, rows), Act(3)]) == [("under_time", (3,))]


def test_who_was_not_there_yet_has_done_nothing_before_the_recording() -> None:
    begun_before = [Act(0, 9, 0.4, 1), ALIKE, Act(2), Act(3)]
    assert told(begun_before) == [("under_time", (1,))]
    assert told(begun_before, begun=True) == []


@pytest.mark.parametrize(("rows", "becomes"), [(24, 2), (13, 2), (11, None), (47, 2), (49, None)])
def test_what_only_looked_like_another_step_is_the_one_that_is_missing_there(rows: int, becomes: int | None) -> None:
    edges = [0, 24, 48, 48 + rows, 72 + rows]
    steps = [GoldStep(f"act {number}", 24 * number, 24 * number + 24) for number in range(4)]
    step_of = np.repeat(np.arange(4, dtype=np.int32), 24)
    pieces = tuple(Piece(*ends, step) for ends, step in zip(pairwise(edges), (0, 1, 3, 3), strict=True))
    shown = [24 * (piece.step or 0) + np.linspace(0, 23, piece.rows).astype(np.int32) for piece in pieces]
    nothing = np.zeros(edges[-1], np.bool_)
    plain = Run((), (), 0, edges[-1], np.concatenate(shown), nothing, ~nothing, pieces)
    run = retold(plain, plain.gold_row, step_of)
    left = taken_out(run, run.visits[2:3], steps, LIMITS, step_of)
    assert [visit.step for visit in left.visits] == [0, 1, 3]
    assert [piece.step for piece in left.pieces] == [0, 1, becomes, 3]
    assert [aside.kind for aside in left.asides] == [Kind.FOREIGN if becomes is None else Kind.AMID]
