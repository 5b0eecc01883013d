# SPDX-License-Identifier: Apache-2.0
"""Where hands and tools are out of the picture."""

import numpy as np
import pytest
from msgspec import structs

from ovpo.sop.embedding import Embedding
from ovpo.sop.judging.lulls import amid, lulls, middles, reliance
from tests.unit.sop.embedding.building import embedding, some_rows


def video(presence: list[float]) -> Embedding:
    plain = embedding(some_rows(len(presence), 0))
    return Embedding(plain.rows, structs.replace(plain.sidecar, presence=tuple(presence)))


WORK = [0.1] * 12


def test_a_lull_is_where_little_is_to_be_seen_between_work() -> None:
    found = lulls(video([*WORK, 0.02, 0.01, 0.02, *WORK]))
    assert middles(found) == [13]
    assert found[13] == 1
    assert not found[:11].any()
    assert not found[16:].any()


@pytest.mark.parametrize("least", [0.08, 0.09])
def test_what_is_hardly_less_is_none(least: float) -> None:
    assert not lulls(video([*WORK, least, *WORK])).any()


def test_work_in_which_little_is_to_be_seen_is_no_lull() -> None:
    assert not lulls(video([*WORK, *[0.03] * 20, *WORK]))[20:24].any()


def test_how_much_is_to_be_seen_at_all_does_not_matter() -> None:
    presence = np.array([*WORK, 0.04, *WORK])
    assert lulls(video(list(presence))) == pytest.approx(lulls(video(list(presence / 20))), abs=1e-5)


def test_a_video_may_begin_and_end_in_a_lull() -> None:
    found = lulls(video([0.01, *WORK, 0.01]))
    assert (found[0], found[-1]) == (1, 1)
    assert not lulls(video(WORK)).any()


def test_without_a_background_there_are_none() -> None:
    plain = embedding(some_rows(9, 0))
    assert lulls(plain).tolist() == [0] * 9
    assert not lulls(video([0.0] * 9)).any()


def test_lulls_are_relied_on_by_how_many_ends_of_steps_are_in_one() -> None:
    found = lulls(video([*WORK, 0.0, *WORK, *WORK, 0.0, *WORK]))
    assert reliance(found, np.repeat(np.arange(3, dtype=np.int32), [13, 24, 13])) == 1
    assert reliance(found, np.repeat(np.arange(3, dtype=np.int32), [13, 12, 25])) == 0.5
    assert reliance(found, np.zeros(50, np.int32)) == 0


def test_lulls_amid_a_step_are_counted_for_that_step() -> None:
    found = lulls(video([*WORK, 0.0, *WORK, 0.0, *WORK]))
    assert amid(found, np.repeat(np.arange(2, dtype=np.int32), [13, 25])).tolist() == [0, 1]
