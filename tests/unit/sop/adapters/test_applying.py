# SPDX-License-Identifier: Apache-2.0
"""Rows through an adapter: the formula, zero rows, and what is refused."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from ovpo.sop.adapters.adapter import Adapter
from ovpo.sop.adapters.applying import apply
from ovpo.sop.adapters.fitting import fit
from ovpo.sop.errors import AdapterError
from tests.unit.sop.embedding.building import embedding, some_rows


def adapter(videos: int = 3) -> Adapter:
    golds = [embedding(some_rows(40, seed=number), f"{number}.mp4") for number in range(videos)]
    return fit(golds, now=datetime(2026, 3, 4, tzinfo=UTC), id="abcd")


def test_rows_are_z_scored_and_of_unit_length_again() -> None:
    learnt, given = adapter(), embedding(some_rows(5000, seed=9))
    scores = (given.rows.astype(np.float64) - learnt.mean) / np.maximum(learnt.std, learnt.record.shrinking.eps)
    adapted = apply(learnt, given)
    np.testing.assert_allclose(adapted.rows, scores / np.linalg.norm(scores, axis=1, keepdims=True), atol=1e-6)
    assert adapted.rows.dtype == np.float32
    assert adapted.sidecar.adapter == learnt.record.name


def test_a_standard_deviation_below_eps_counts_as_eps() -> None:
    learnt = adapter()
    eps, given = learnt.record.shrinking.eps, embedding(some_rows(6, seed=9))
    tiny, floor = learnt.std.copy(), learnt.std.copy()
    tiny[4], floor[4] = eps / 1000, eps
    assert np.array_equal(apply(replace(learnt, std=tiny), given).rows, apply(replace(learnt, std=floor), given).rows)


def test_zero_rows_stay_zero() -> None:
    rows = some_rows(6, seed=9)
    rows[2] = 0
    adapted = apply(adapter(), embedding(rows)).rows
    assert not adapted[2].any()
    assert np.linalg.norm(adapted[[0, 1, 3, 4, 5]], axis=1) == pytest.approx(np.ones(5))


def test_a_row_that_is_the_mean_itself_becomes_zero() -> None:
    learnt, given = adapter(), embedding(some_rows(1, seed=9))
    adapted = apply(replace(learnt, mean=given.rows[0].astype(np.float64)), given)
    assert not adapted.rows.any()


def test_the_raw_embedding_is_left_as_it_is() -> None:
    given = embedding(some_rows(6, seed=9))
    before = given.rows.copy()
    apply(adapter(), given)
    assert np.array_equal(given.rows, before)
    assert given.sidecar.adapter is None


def test_applying_twice_is_refused() -> None:
    once = apply(adapter(), embedding(some_rows(6, seed=9)))
    with pytest.raises(AdapterError, match="raw embedding") as caught:
        apply(adapter(), once)
    assert caught.value.code == "already_adapted"


def test_rows_of_another_maker_are_refused_by_what_differs() -> None:
    with pytest.raises(AdapterError, match="settings") as caught:
        apply(adapter(), embedding(some_rows(6, seed=9), settings={"a": 2}))
    assert caught.value.code == "other_maker"


def test_one_gold_moves_rows_less_than_many_do() -> None:
    given = embedding(some_rows(50, seed=9))
    moved = [1 - float((apply(adapter(count), given).rows * given.rows).sum(axis=1).mean()) for count in (1, 4, 16)]
    assert moved == sorted(moved)
