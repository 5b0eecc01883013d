# SPDX-License-Identifier: Apache-2.0
"""How results and matrices lie in the object store."""

from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.store import ObjectStore
from ovpo.foundation.settings.tree import Objects, Query
from ovpo.sop.procedures.keeping import (
    MOST_LINES,
    load_matrix,
    load_result,
    prefix_of,
    remove_attempt,
    remove_others,
    save_matrix,
    save_result,
)
from ovpo.sop.records.keys import of_score
from tests.unit.sop import results

SCORE = UUID(int=7)


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return open_objects(Objects(), Query(), tmp_path)


def test_a_result_comes_back_as_it_was(objects: ObjectStore) -> None:
    key = save_result(objects, of_score("demo", SCORE, "a"), results.flawed())
    assert load_result(objects, key) == results.flawed()


def test_a_matrix_comes_back_to_within_a_level_of_its_own_range_in_a_byte_a_cell(objects: ObjectStore) -> None:
    values = np.random.default_rng(1).uniform(0.9, 1.0, (80, 60)).astype(np.float32)
    prefix = of_score("demo", SCORE, "a")
    save_matrix(objects, prefix, values, 0.25)
    found = load_matrix(objects, f"{prefix}/result.json")
    assert found is not None
    assert np.abs(found.values - values).max() < 0.1 / 255
    assert (found.gold_row_seconds, found.trainee_row_seconds) == (0.25, 0.25)
    assert objects.head(f"{prefix}/matrix.npz").size < 80 * 60 + 1500


def test_a_matrix_of_one_value_comes_back(objects: ObjectStore) -> None:
    save_matrix(objects, "sop/demo/a", np.full((4, 4), 0.5, np.float32), 0.25)
    found = load_matrix(objects, "sop/demo/a/result.json")
    assert found is not None
    assert (found.values == 0.5).all()


def test_a_large_matrix_is_averaged_and_still_covers_the_same_time(objects: ObjectStore) -> None:
    save_matrix(objects, "sop/demo/a", np.ones((3, 2 * MOST_LINES + 10), np.float32), 0.25)
    found = load_matrix(objects, "sop/demo/a/result.json")
    assert found is not None
    assert found.values.shape == (3, MOST_LINES)
    assert found.gold_seconds == 0.75
    assert found.trainee_seconds == pytest.approx((2 * MOST_LINES + 10) / 4)


@pytest.mark.parametrize("content", [None, b"", b"no array", b"PK\x03\x04 cut short"])
def test_a_matrix_that_is_not_there_or_damaged_is_none(objects: ObjectStore, content: bytes | None) -> None:
    if content is not None:
        objects.put("sop/demo/a/matrix.npz", content)
    assert load_matrix(objects, "sop/demo/a/result.json") is None


def test_what_other_attempts_left_is_removed_and_nothing_of_this_or_another_score(objects: ObjectStore) -> None:
    kept, died, other = of_score("demo", SCORE, "ab"), of_score("demo", SCORE, "a"), of_score("demo", UUID(int=8), "a")
    for prefix in (kept, died, other):
        save_result(objects, prefix, results.clean())
    remove_others(objects, "demo", SCORE, kept)
    assert {prefix_of(one.key) for one in objects.list("sop/")} == {kept, other}
    remove_attempt(objects, kept)
    assert {prefix_of(one.key) for one in objects.list("sop/")} == {other}
