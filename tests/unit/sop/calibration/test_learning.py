# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from ovpo.sop.calibration.calibration import DEFAULT
from ovpo.sop.calibration.learning import AGAIN, LOWEST, SAME, SHORTFALL, Measure, from_retakes, learnt, measured
from ovpo.sop.embedding import Embedding
from ovpo.sop.judging.comparing import steps_of_rows
from tests.unit.sop.comparing.drawing import gold_steps_of, run_of

STEPS = gold_steps_of(4)
STEP_OF = steps_of_rows(STEPS)
GOLD = run_of((1, 2, 3, 4), "gold.mp4")
CLIPS = GOLD.sidecar.maker.clips
ALL = np.arange(80, dtype=np.int32)


def pair(level: float = 0.8, **changed: float | None) -> Measure:
    shares = {"same": 0.9, "other": 0.5, "own_same": 0.9, "own_other": 0.5} | changed
    return Measure(level=level, **shares)  # type: ignore[arg-type]


def test_the_gold_itself_has_the_highest_level_and_other_steps_are_far_below() -> None:
    found = measured(GOLD.rows, GOLD.rows, ALL, STEP_OF, CLIPS)
    assert found is not None
    assert found.level == pytest.approx(1, abs=1e-5)
    assert found.same > 0.99
    assert found.other is not None
    assert found.other < 0.6
    assert found.own_same > 0.9


def test_a_noisier_retake_has_a_lower_level() -> None:
    random = np.random.default_rng(5)
    levels = []
    for noise in (0.0, 0.05, 0.2):
        rows = GOLD.rows + noise * random.normal(size=GOLD.rows.shape).astype(np.float32)
        found = measured(GOLD.rows, rows / np.linalg.norm(rows, axis=1, keepdims=True), ALL, STEP_OF, CLIPS)
        assert found is not None
        levels.append(found.level)
    assert levels == sorted(levels, reverse=True)
    assert levels[0] - levels[2] > 0.1


def test_a_row_may_look_like_the_neighbour_of_the_one_it_shows() -> None:
    late = np.concatenate([GOLD.rows[1:], GOLD.rows[-1:]])
    found = measured(GOLD.rows, late, ALL, STEP_OF, CLIPS)
    assert found is not None
    assert found.same == pytest.approx(1, abs=1e-5)


def test_rows_on_either_side_of_a_boundary_are_not_taken_for_lookalikes() -> None:
    split = np.repeat(np.arange(8, dtype=np.int32), 10)
    whole, halves = (measured(GOLD.rows, GOLD.rows, ALL, steps, CLIPS) for steps in (STEP_OF, split))
    assert whole is not None
    assert halves is not None
    assert whole.other is not None
    assert halves.other == pytest.approx(whole.other, abs=0.1)


def test_a_video_of_one_step_says_nothing_about_other_steps() -> None:
    found = measured(GOLD.rows, GOLD.rows, ALL, np.zeros(80, np.int32), CLIPS)
    assert found is not None
    assert (found.other, found.own_other) == (None, None)
    learned = learnt([found], "one")
    assert (learned.same, learned.again) == (DEFAULT.same, DEFAULT.again)


def test_too_few_matched_rows_or_none_that_look_alike_say_nothing() -> None:
    few = np.full(80, -1, np.int32)
    few[:4] = ALL[:4]
    assert measured(GOLD.rows, GOLD.rows, few, STEP_OF, CLIPS) is None
    assert measured(GOLD.rows, -GOLD.rows, ALL, STEP_OF, CLIPS) is None


def test_the_usual_level_is_the_middle_one_and_the_lowest_is_well_below_the_least() -> None:
    learned = learnt([pair(0.9), pair(0.8), pair(0.6)], "three retakes")
    assert (learned.usual, learned.lowest, learned.pairs) == (0.8, 0.3, 3)
    assert learned.learnt_from == "three retakes"


def test_thresholds_lie_nearer_to_another_step_than_to_the_same() -> None:
    learned = learnt([pair(same=0.9, other=0.6, own_same=0.95, own_other=0.7)], "one")
    assert learned.same == pytest.approx(0.6 + (0.9 - 0.6) / 4)
    assert 0.7 < learned.again < 0.75


def test_the_threshold_of_the_same_is_higher_where_other_steps_look_more_alike() -> None:
    low, high = (learnt([pair(other=other, own_other=other)], "one") for other in (0.6, 0.7))
    assert low.same < high.same
    assert low.again < high.again


@pytest.mark.parametrize(("value", "end"), [(0.05, 0), (1.0, 1)])
def test_what_is_learnt_stays_within_bounds(value: float, end: int) -> None:
    learned = learnt([pair(2 * value, same=value, other=value, own_same=value, own_other=value)], "one")
    assert (learned.same, learned.again, learned.lowest) == (SAME[end], AGAIN[end], LOWEST[end])
    assert 0 < learned.usual <= 1


def short(**by: float) -> Measure:
    return replace(pair(), shortfall=by)


def test_an_aspect_may_be_a_little_shorter_than_in_the_worst_of_three_retakes() -> None:
    learned = learnt([short(held=8.0), short(held=12.0), short(held=10.0)], "three retakes")
    assert learned.shortfall == {**DEFAULT.shortfall, "held": 15.0}


@pytest.mark.parametrize(("worst", "share"), [(0.0, SHORTFALL[0]), (1000.0, SHORTFALL[1])])
def test_what_an_aspect_may_be_short_stays_near_the_default(worst: float, share: float) -> None:
    learned = learnt([short(place=worst)] * 3, "three retakes")
    assert learned.shortfall["place"] == pytest.approx(share * DEFAULT.shortfall["place"])


def test_two_retakes_say_too_little_of_aspects() -> None:
    assert learnt([short(held=30.0), short(held=30.0), pair()], "two").shortfall == DEFAULT.shortfall


def test_from_nothing_the_defaults_are_learnt() -> None:
    assert learnt([], "nothing") is DEFAULT


def test_retakes_are_measured_where_they_show_the_gold() -> None:
    retakes = [
        run_of((1, 2, 3, 4), "second.mp4", seed=3),
        run_of((2, 3, 4), "third.mp4", seed=4),
        run_of((21, 22, 23), "other.mp4"),
    ]
    found = list(from_retakes(GOLD, retakes, STEPS))
    assert len(found) == 2
    assert all(one.level > 0.9 for one in found)


def test_the_same_file_counts_as_one_retake_and_the_gold_as_none() -> None:
    second = run_of((1, 2, 3, 4), "second.mp4", seed=3)
    again = run_of((1, 2, 3, 4), "second.mp4", seed=3)
    assert len(list(from_retakes(GOLD, [second, GOLD, again, second], STEPS))) == 1


def test_retakes_in_less_light_are_measured_where_less_is_needed() -> None:
    retake = run_of((1, 2, 3, 4), "second.mp4", seed=3)
    dim = Embedding(retake.rows, structs.replace(retake.sidecar, brightness=(0.02,) * len(retake.rows)))
    assert not list(from_retakes(GOLD, [dim], STEPS))
    assert len(list(from_retakes(GOLD, [dim], STEPS, 0.01))) == 1
