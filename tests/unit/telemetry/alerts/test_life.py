# SPDX-License-Identifier: Apache-2.0
"""The life of an alert, evaluation by evaluation."""

from datetime import datetime, timedelta
from itertools import pairwise
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from ovpo.telemetry.alerts.life import UNBROKEN, Alert, Change, Ending, Reading, State, end, step
from ovpo.telemetry.alerts.rules import Rule
from tests.unit.telemetry.alerts.books import NOON, a_rule, begun, reading

TICK = timedelta(minutes=5)
HIGH, LOW, NONE = 0.5, 0.1, None


def live(rule: Rule, values: list[float | None], alert: Alert | None = None) -> tuple[Alert | None, list[Change]]:
    """Evaluate every five minutes."""
    changes = []
    for index, value in enumerate(values):
        seen = reading(value) if value is not None else None
        alert, change = step(alert, rule, seen, NOON + index * TICK, uuid4())
        changes.append(change)
    return alert, changes


def test_a_condition_that_need_not_hold_fires_at_once() -> None:
    alert, changes = live(a_rule(), [HIGH])
    assert alert is not None
    assert (alert.state, changes) == (State.FIRING, [Change.FIRED])


def test_a_condition_that_must_hold_is_pending_first() -> None:
    alert, changes = live(a_rule(for_="10m"), [HIGH, HIGH, HIGH, HIGH])
    assert changes == [Change.BEGUN, Change.NONE, Change.FIRED, Change.NONE]
    assert alert is not None
    assert (alert.started_at, alert.fired_at) == (NOON, NOON + 2 * TICK)


def test_a_pending_alert_is_forgotten_when_the_condition_is_false_before_its_time() -> None:
    alert, changes = live(a_rule(for_="10m"), [HIGH, HIGH, LOW])
    assert (alert, changes[-1]) == (None, Change.FORGOTTEN)


def test_what_flaps_never_fires_where_it_must_hold() -> None:
    _, changes = live(a_rule(for_="10m"), [HIGH, LOW] * 20)
    assert Change.FIRED not in changes


def test_what_flaps_after_it_fired_is_one_alert_until_it_is_calm_for_as_long_as_it_must_hold() -> None:
    rule = a_rule(for_="10m")
    alert, changes = live(rule, [HIGH, HIGH, HIGH, *([LOW, HIGH] * 10), LOW, LOW, LOW])
    assert alert is not None
    assert (changes.count(Change.FIRED), changes.count(Change.RESOLVED)) == (1, 1)
    assert changes[-1] is Change.RESOLVED
    assert (alert.state, alert.ending) == (State.RESOLVED, Ending.CALM)


def test_an_alert_that_need_not_hold_resolves_at_once() -> None:
    _, changes = live(a_rule(), [HIGH, HIGH, LOW])
    assert changes == [Change.FIRED, Change.NONE, Change.RESOLVED]


def test_an_alert_that_lasts_is_told_once_unless_the_rule_repeats() -> None:
    assert live(a_rule(), [HIGH] * 13)[1].count(Change.REPEATED) == 0
    _, changes = live(a_rule(repeat="15m"), [HIGH] * 13)
    assert [index for index, change in enumerate(changes) if change is Change.REPEATED] == [3, 6, 9, 12]


def test_no_data_begins_nothing_and_forgets_what_is_pending() -> None:
    assert live(a_rule(), [NONE]) == (None, [Change.NONE])
    assert live(a_rule(for_="10m"), [HIGH, NONE])[1] == [Change.BEGUN, Change.FORGOTTEN]


def test_no_data_keeps_a_firing_alert_for_an_hour_and_then_resolves_it() -> None:
    alert, changes = live(a_rule(), [HIGH, *([NONE] * 13)])
    assert alert is not None
    assert changes == [Change.FIRED, *([Change.NONE] * 12), Change.RESOLVED]
    assert alert.ending is Ending.NO_DATA


def test_no_data_keeps_a_firing_alert_for_its_window_where_that_is_longer() -> None:
    _, changes = live(a_rule(window="2h"), [HIGH, *([NONE] * 25)])
    assert changes.index(Change.RESOLVED) == 25


def test_data_that_comes_back_starts_the_wait_for_no_data_anew() -> None:
    _, changes = live(a_rule(), [HIGH, *([NONE] * 12), HIGH, *([NONE] * 12)])
    assert Change.RESOLVED not in changes


def test_too_few_samples_are_no_data() -> None:
    rule = a_rule(min_samples=10)
    assert step(None, rule, reading(1.0, samples=9), NOON, uuid4()) == (None, Change.NONE)
    assert step(None, rule, reading(1.0, samples=10), NOON, uuid4())[1] is Change.FIRED
    kept, change = step(begun(rule), rule, reading(0.0, samples=9), NOON + TICK, uuid4())
    assert (kept and kept.state, change) == (State.FIRING, Change.NONE)


def test_a_rate_of_nothing_is_no_data_and_a_count_of_nothing_is_zero() -> None:
    assert step(None, a_rule(comparison="<"), reading(None, samples=0), NOON, uuid4())[1] is Change.NONE
    nothing = Reading("demo", "", 0.0, 0)
    silent = a_rule(metric="traces", comparison="<", threshold=1)
    assert step(None, silent, nothing, NOON, uuid4())[1] is Change.FIRED


def test_the_time_between_evaluations_that_failed_does_not_count_as_held() -> None:
    rule = a_rule(for_="10m")
    later = NOON + UNBROKEN + timedelta(seconds=1)
    alert, change = step(begun(rule), rule, reading(), later, uuid4())
    assert alert is not None
    assert (alert.state, alert.started_at, change) == (State.PENDING, later, Change.NONE)


def test_the_time_between_evaluations_that_failed_does_not_count_as_calm() -> None:
    rule = a_rule(for_="10m")
    firing, _ = live(rule, [HIGH, HIGH, HIGH, LOW])
    later = NOON + 3 * TICK + UNBROKEN + timedelta(seconds=1)
    assert firing is not None
    assert step(firing, rule, reading(LOW), later, uuid4())[1] is Change.NONE


def test_a_clock_that_is_set_back_makes_no_alert_younger_and_repeats_nothing() -> None:
    rule = a_rule(repeat="15m")
    alert, change = step(begun(rule), rule, reading(), NOON - timedelta(days=1), uuid4())
    assert alert is not None
    assert (alert.evaluated_at, alert.fired_at, change) == (NOON, NOON, Change.NONE)
    ended, _ = end(alert, Ending.RULE_REMOVED, NOON - timedelta(days=1))
    assert ended is not None
    assert ended.resolved_at == NOON


def test_a_clock_that_is_set_ahead_fires_nothing_before_it_was_seen_to_hold() -> None:
    rule = a_rule(for_="10m")
    assert step(begun(rule), rule, reading(), NOON + timedelta(days=1), uuid4())[1] is Change.NONE


values = st.lists(st.sampled_from([HIGH, LOW, NONE]), max_size=60)
holds = st.sampled_from(["0s", "5m", "10m", "1h"])


@given(values=values, hold=holds)
def test_firings_and_endings_alternate_whatever_comes(values: list[float | None], hold: str) -> None:
    rule, alert, seen = a_rule(for_=hold), None, []
    ids: set[object] = set()
    for index, value in enumerate(values):
        given_value = reading(value) if value is not None else None
        alert, change = step(alert, rule, given_value, NOON + index * TICK, uuid4())
        if change in {Change.FIRED, Change.RESOLVED}:
            seen.append(change)
        if change is Change.FIRED and alert is not None:
            assert alert.alert_id not in ids
            ids.add(alert.alert_id)
        if alert is not None and alert.state is State.RESOLVED:
            alert = None
    assert seen[:1] != [Change.RESOLVED]
    assert all(before is not after for before, after in pairwise(seen))


@given(values=values, hold=holds)
def test_the_moments_of_an_alert_are_in_order(values: list[float | None], hold: str) -> None:
    alert, _ = None, None
    for index, value in enumerate(values):
        now = NOON + index * TICK
        alert, _ = step(alert, a_rule(for_=hold), reading(value) if value is not None else None, now, uuid4())
        if alert is not None:
            moments: list[datetime] = [alert.started_at, *filter(None, (alert.fired_at, alert.resolved_at))]
            assert moments == sorted(moments)
            assert moments[-1] <= alert.evaluated_at == now
        if alert is not None and alert.state is State.RESOLVED:
            alert = None
