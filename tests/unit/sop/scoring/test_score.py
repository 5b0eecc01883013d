# SPDX-License-Identifier: Apache-2.0
"""A mark adds up, stays within bounds, falls with every step left out, and costs slowness less than an absence."""

from dataclasses import replace
from itertools import pairwise
from math import fsum
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from ovpo.sop.judging.findings import Findings
from ovpo.sop.result import Deviation, DeviationType, Interval
from ovpo.sop.scoring.metrics import METRICS
from ovpo.sop.scoring.score import mark
from ovpo.sop.scoring.settings import RANGES, USUAL, WEIGHT_RANGE, Weights, listed
from tests.unit.sop.findings_builder import deviation, left_out, performed

OF_A_STEP = [
    DeviationType.OVER_TIME,
    DeviationType.UNDER_TIME,
    DeviationType.EXECUTION_DEVIATION,
    DeviationType.TEMPORAL_WARP,
]
SHARE = st.floats(0, 1)


@st.composite
def any_run(draw: st.DrawFn) -> Findings:
    """Draw a run in which steps are left out, out of order, slow, unlike the gold and deviating."""
    steps = draw(st.integers(1, 9))
    numbers = st.integers(1, steps)
    order = draw(st.lists(numbers, unique=True, max_size=steps))
    found: list[Deviation] = [
        deviation(kind, number, severity=draw(SHARE), confidence=draw(SHARE))
        for number in order
        for kind in draw(st.lists(st.sampled_from(OF_A_STEP), unique=True, max_size=3))
    ]
    if len(order) > 1:
        pairs = draw(st.lists(st.tuples(st.sampled_from(order), st.sampled_from(order)), max_size=1))
        found += [deviation(DeviationType.ORDER_SWAP, *pair, severity=draw(SHARE)) for pair in pairs]
    found += [deviation(DeviationType.EXTRA_STEP, severity=each) for each in draw(st.lists(SHARE, max_size=3))]
    return performed(
        order,
        steps=steps,
        step_seconds=draw(st.sampled_from([1.0, 2.5, 8.0])),
        paces=draw(st.dictionaries(numbers, st.floats(0.2, 8))),
        cosines=draw(st.dictionaries(numbers, st.floats(-1, 1))),
        spread=draw(st.floats(0, 0.5)),
        deviations=found,
    )


@settings(deadline=None)
@given(any_run())
def test_every_metric_is_from_0_to_1(run: Findings) -> None:
    for name, measure in METRICS.items():
        assert 0 <= measure(run) <= 1, name


@settings(deadline=None)
@given(any_run())
def test_the_losses_add_up_to_a_hundred_less_the_points(run: Findings) -> None:
    marked = mark(run, USUAL)
    lost = fsum(metric.loss for metric in marked.metrics)
    assert marked.points == max(0.0, round(100 - lost, 2))
    assert all(metric.loss == round(metric.weight * metric.value, 2) for metric in marked.metrics)
    assert [metric.name for metric in marked.metrics] == [field.name for field in structs.fields(Weights)]


@settings(deadline=None)
@given(any_run(), st.randoms())
def test_the_order_of_deviations_and_steps_makes_no_difference(run: Findings, random: Random) -> None:
    deviations, steps = [*run.deviations], [*run.steps]
    random.shuffle(deviations)
    random.shuffle(steps)
    shuffled = replace(run, deviations=tuple(deviations), steps=tuple(steps))
    assert mark(shuffled, USUAL) == mark(run, USUAL)


@settings(max_examples=300, deadline=None)
@given(any_run(), st.data())
def test_leaving_out_one_more_step_never_raises_the_score(run: Findings, data: st.DataObject) -> None:
    done = [step.number for step in run.steps if step.trainee]
    if not done:
        return
    worse = left_out(run, data.draw(st.sampled_from(done)))
    assert mark(worse, USUAL).points <= mark(run, USUAL).points


@pytest.mark.parametrize("steps", [1, 2, 4, 12, 40])
def test_a_missing_step_costs_15_points_at_least_and_the_next_one_as_well(steps: int) -> None:
    points = [
        mark(performed(range(1 + gone, steps + 1), steps=steps), USUAL).points for gone in range(min(steps, 3) + 1)
    ]
    for more, fewer in pairwise(points):
        assert more - fewer >= 15 or fewer == 0


def test_the_gold_against_itself_has_100_points_and_loses_none() -> None:
    marked = mark(performed(usually=1.0), USUAL)
    assert marked.points == 100
    assert {metric.value for metric in marked.metrics} == {0.0}


@pytest.mark.parametrize("likeness", [0.9, 0.82])
def test_an_ordinary_retake_loses_about_a_point(likeness: float) -> None:
    assert mark(performed(usually=likeness, spread=0.15), USUAL).points >= 98.5


@given(st.integers(2, 12), st.floats(1.2, 10))
@settings(max_examples=25, deadline=None)
def test_a_complete_run_scores_above_one_that_skips_a_step_however_slow_it_is(steps: int, pace: float) -> None:
    numbers = range(1, steps + 1)
    late = [deviation(kind, number, severity=1.0) for number in numbers for kind in OF_A_STEP if "time" in kind]
    slow = performed(
        numbers, steps=steps, paces=dict.fromkeys(numbers, pace), spread=0.1, usually=0.85, deviations=late
    )
    skipping = performed(range(1, steps), steps=steps, usually=1.0)
    assert mark(slow, USUAL).points > mark(skipping, USUAL).points


@pytest.mark.parametrize("kind", [DeviationType.ORDER_SWAP, DeviationType.EXTRA_STEP, DeviationType.REPEATED_STEP])
@pytest.mark.parametrize("severity", [0.0, 1.0])
def test_a_swap_an_extra_step_and_a_repeat_cost_more_than_five_points(kind: DeviationType, severity: float) -> None:
    steps = () if kind is DeviationType.EXTRA_STEP else (2, 3)
    assert mark(performed(deviations=[deviation(kind, *steps, severity=severity)]), USUAL).points < 94.5


@pytest.mark.parametrize(
    ("kind", "metric"),
    [
        (DeviationType.EXECUTION_DEVIATION, "deviation_share"),
        (DeviationType.OVER_TIME, "over_time_ratio"),
        (DeviationType.UNDER_TIME, "temporal_warp"),
        (DeviationType.TEMPORAL_WARP, "temporal_warp"),
        (DeviationType.EXTRA_STEP, "extra"),
        (DeviationType.REPEATED_STEP, "repeat"),
        (DeviationType.ORDER_SWAP, "swap"),
    ],
)
def test_a_deviation_costs_by_its_severity_and_in_its_own_metric(kind: DeviationType, metric: str) -> None:
    losses = []
    for severity in (0.1, 0.5, 1.0):
        marked = mark(performed(deviations=[deviation(kind, 2, severity=severity)]), USUAL)
        assert [one.name for one in marked.metrics if one.loss] == [metric]
        losses.append(100 - marked.points)
    assert losses == sorted(set(losses))


def test_a_wrong_step_costs_more_where_it_is_most_of_the_procedure() -> None:
    wrong = [deviation(DeviationType.EXECUTION_DEVIATION, 1, severity=1.0)]
    assert mark(performed([1], steps=1, deviations=wrong), USUAL).points == 70
    assert mark(performed(range(1, 13), steps=12, deviations=wrong), USUAL).points == 93.4


def test_no_single_clip_decides() -> None:
    run = performed()
    similarity = run.similarity.copy()
    similarity[40] = -1.0
    assert mark(replace(run, similarity=similarity), USUAL).points >= 99.9


def test_a_stretch_that_looks_like_nothing_costs_in_the_metrics_of_likeness() -> None:
    run = performed(cosines={5: 0.2})
    lost = {metric.name for metric in mark(run, USUAL).metrics if metric.loss}
    assert lost == {"drift", "local_similarity_gap", "hard_miss_ratio", "alignment_cost"} - (
        set() if METRICS["drift"](run) else {"drift"}
    )
    assert METRICS["hard_miss_ratio"](run) == pytest.approx(1 / 6)


def test_drift_is_likeness_that_is_lost_towards_the_end() -> None:
    assert METRICS["drift"](performed(cosines={5: 0.4, 6: 0.4})) == 1
    assert METRICS["drift"](performed(cosines={1: 0.5, 2: 0.5})) == 0


def test_confidence_is_lost_where_half_of_the_rows_are_less_alike_than_usual() -> None:
    assert METRICS["confidence_loss"](performed(usually=0.7)) == pytest.approx(0, abs=1e-6)
    assert METRICS["confidence_loss"](performed(usually=0.6)) == pytest.approx(0.5, abs=1e-6)
    assert METRICS["confidence_loss"](performed(usually=0.3)) == 1


def test_a_trainee_who_stays_at_one_moment_duplicates_it_and_one_who_is_evenly_slower_does_not() -> None:
    assert METRICS["duplicate_ratio"](performed(paces=dict.fromkeys(range(1, 7), 2.0))) == 0
    assert METRICS["duplicate_ratio"](performed(paces={3: 20.0})) > 0.5


def test_a_path_that_wanders_is_stretched() -> None:
    run = performed([1], steps=1)
    stairs = np.array([(k // 2, (k + 1) // 2) for k in range(39)], np.int32)
    assert METRICS["path_stretch"](run) == 0
    wandering = replace(run, path=stairs, similarity=np.ones(39, np.float32))
    assert METRICS["path_stretch"](wandering) == pytest.approx(39 / 20 - 1)


def test_order_violation_is_the_share_of_pairs_the_wrong_way_round() -> None:
    assert METRICS["order_violation"](performed([6, 5, 4, 3, 2, 1])) == 1
    assert METRICS["order_violation"](performed([2, 1, 3, 4, 5, 6])) == pytest.approx(1 / 15)


def test_a_run_of_which_nothing_was_found_has_no_points() -> None:
    nothing = replace(performed([]), procedure=Interval(0, 0))
    assert mark(nothing, USUAL).points == 0


def test_a_weight_of_nothing_takes_nothing() -> None:
    free = structs.replace(USUAL, weights=structs.replace(USUAL.weights, missing=0.0))
    assert mark(performed([1, 2, 3, 4, 5]), free).points == 100


def test_every_setting_has_a_range_that_holds_its_usual_value() -> None:
    assert {*RANGES, "weights"} == {field.name for field in structs.fields(type(USUAL))}
    for name, value in listed(USUAL).items():
        least, most = RANGES.get(name.removeprefix("scoring."), WEIGHT_RANGE)
        assert least <= value <= most, name
    assert len(listed(USUAL)) == len(RANGES) + len(METRICS)


def test_a_missing_step_costs_30_points_and_the_square_of_its_share() -> None:
    assert mark(performed(range(1, 12), steps=12), USUAL).points == 69.51
    assert mark(performed([1], steps=2), USUAL).points == 52.5


def test_a_run_that_is_less_alike_throughout_has_no_gap() -> None:
    assert METRICS["local_similarity_gap"](performed(usually=0.6)) == 0


def test_slowness_does_not_make_a_run_more_alike() -> None:
    slow = performed(usually=0.4, paces=dict.fromkeys(range(1, 7), 3.0))
    assert METRICS["confidence_loss"](slow) == METRICS["hard_miss_ratio"](slow) == 1
