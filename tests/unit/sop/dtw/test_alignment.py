# SPDX-License-Identifier: Apache-2.0
"""What an alignment says, and what is refused."""

from typing import Any

import numpy as np
import pytest

from ovpo.sop.dtw import reference
from ovpo.sop.dtw.alignment import align, align_from_similarity, align_many, open_ended
from ovpo.sop.errors import AlignmentError

RANDOM = np.random.default_rng(31)
GOLD = RANDOM.standard_normal((50, 32), dtype=np.float32)
OTHER = RANDOM.standard_normal((80, 32), dtype=np.float32)


def test_a_video_against_itself_runs_along_the_diagonal_for_nothing() -> None:
    found = align(GOLD, GOLD)
    assert np.array_equal(found.path, np.repeat(np.arange(50), 2).reshape(-1, 2))
    assert found.mean_cost == pytest.approx(0, abs=1e-6)


def test_the_mean_is_the_total_over_the_pairs() -> None:
    found = align(GOLD, OTHER)
    cost = 1 - reference.cosines(GOLD, OTHER)
    assert found.path.dtype == np.int32
    assert found.total_cost == pytest.approx(float(cost[tuple(found.path.T)].sum(dtype=np.float64)), abs=1e-4)
    assert found.mean_cost == found.total_cost / len(found.path)


def test_a_slower_run_is_followed() -> None:
    pace = np.sort(np.concatenate([np.arange(50), np.arange(10, 30)]))
    found = align(GOLD, GOLD[pace])
    assert np.array_equal(pace[found.path[:, 1]], found.path[:, 0])
    assert found.total_cost == pytest.approx(0, abs=1e-4)


def test_the_length_of_rows_does_not_matter_however_long_or_short() -> None:
    wanted = align(GOLD, OTHER)
    for factor in (1e-40, 1e-22, 3.0, 1e20, 1e37):
        found = align(GOLD.astype(np.float64) * factor, OTHER)
        assert found.total_cost == pytest.approx(wanted.total_cost, rel=1e-2 if factor < 1e-38 else 1e-5)
        if factor > 1e-38:
            assert np.array_equal(found.path, wanted.path)


def test_rows_that_are_one_long_need_not_be_made_so() -> None:
    gold, other = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (GOLD, OTHER))
    found, wanted = align(gold, other, normalized=True), align(gold, other)
    assert np.array_equal(found.path, wanted.path)
    assert found.total_cost == pytest.approx(wanted.total_cost, rel=1e-6)


@pytest.mark.parametrize("normalized", [False, True])
def test_a_zero_row_is_like_nothing(normalized: bool) -> None:
    unit = np.eye(3, dtype=np.float32)
    unit[1] = 0
    found = align(unit, unit, normalized=normalized)
    assert found.total_cost == 1
    assert found.path.tolist() == [[0, 0], [1, 1], [2, 2]]
    assert align(np.zeros((2, 3)), np.zeros((4, 3))).mean_cost == 1


def test_numbers_of_any_kind_and_order_in_memory_are_taken() -> None:
    wanted = align(GOLD, OTHER)
    for gold in (GOLD.astype(np.float64), np.asfortranarray(GOLD), np.repeat(GOLD, 2, axis=0)[::2], GOLD.tolist()):
        found = align(gold, OTHER)
        assert np.array_equal(found.path, wanted.path)
        assert found.total_cost == wanted.total_cost


def test_what_is_given_stays_as_it_is() -> None:
    gold, other, matrix = GOLD.copy(), OTHER.copy(), GOLD @ OTHER.T
    kept = matrix.copy()
    align(gold, other)
    align_from_similarity(matrix)
    assert np.array_equal(gold, GOLD)
    assert np.array_equal(other, OTHER)
    assert np.array_equal(matrix, kept)


def test_a_procedure_between_other_things_is_found() -> None:
    before, after = OTHER[:21], OTHER[30:67]
    found = open_ended(GOLD, np.concatenate([before, GOLD, after]))
    assert np.array_equal(found.path, np.stack([np.arange(50), np.arange(50) + 21], axis=1))
    assert found.mean_cost == pytest.approx(0, abs=1e-6)


def test_only_the_end_that_is_open_costs_nothing() -> None:
    with_lead_in, with_tail = np.concatenate([OTHER[:21], GOLD]), np.concatenate([GOLD, OTHER[:21]])
    assert open_ended(GOLD, with_lead_in, open_end=False).mean_cost == pytest.approx(0, abs=1e-6)
    assert open_ended(GOLD, with_tail, open_begin=False).mean_cost == pytest.approx(0, abs=1e-6)
    assert open_ended(GOLD, with_lead_in, open_begin=False).path[0].tolist() == [0, 0]
    assert open_ended(GOLD, with_tail, open_end=False).path[-1].tolist() == [49, 70]


def test_no_trainees_give_no_alignments() -> None:
    assert align_many(GOLD, []) == []


def bad_number(value: float) -> Any:
    rows = GOLD.copy()
    rows[3, 5] = value
    return rows


@pytest.mark.parametrize(
    ("trainee", "code", "said"),
    [
        (np.empty((0, 32)), "empty", "trainee: has 0 rows"),
        (np.empty((4, 0)), "empty", "give at least one"),
        (bad_number(np.nan), "not_finite", "trainee: 1 row.* row 3"),
        (bad_number(np.inf), "not_finite", "row 3"),
        (GOLD.astype(np.float64) * 1e300, "not_finite", "50 row"),
        (GOLD[0], "not_two_dimensional", "1 dimension"),
        (GOLD[:, :7], "width_mismatch", "have 7 numbers, gold's have 32"),
        ([[1.0], [1.0, 2.0]], "not_numbers", "equal length"),
        (GOLD.astype(np.complex64), "not_numbers", "complex64"),
    ],
)
def test_what_cannot_be_aligned_is_refused_by_name(trainee: Any, code: str, said: str) -> None:
    for normalized in (False, True):
        with pytest.raises(AlignmentError, match=said) as caught:
            align(GOLD, trainee, normalized=normalized)
        assert caught.value.code == code


def test_a_refusal_names_which_trainee() -> None:
    with pytest.raises(AlignmentError, match=r"trainees\[1\]") as caught:
        align_many(GOLD, [OTHER, bad_number(np.nan)])
    assert caught.value.code == "not_finite"


def test_a_matrix_with_a_hole_is_refused() -> None:
    with pytest.raises(AlignmentError, match="similarity") as caught:
        align_from_similarity(bad_number(np.nan))
    assert caught.value.code == "not_finite"
