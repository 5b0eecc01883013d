# SPDX-License-Identifier: Apache-2.0
"""Whether a candidate becomes champion, and which adapters are not sound."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from ovpo.sop.adapters.adapter import Role
from ovpo.sop.training.choosing import TOLERANCE, Evaluation, choose, faults
from ovpo.sop.training.evaluating import Separation, separation
from tests.unit.sop.training.takes import deaf, fitted, golds

CHAMPION = "feature_adapter_20260304T000000Z_abcd"


def separated(auc: float) -> Separation:
    return Separation(
        auc=auc,
        d_prime=2.0,
        same_mean=0.8,
        different_mean=0.2,
        same_pairs=3,
        different_pairs=5,
        same_rows=30,
        different_rows=50,
    )


def evaluation(candidate: float | None, champion: float | None = None, *, fault: str | None = None) -> Evaluation:
    return Evaluation(
        candidate=None if candidate is None else separated(candidate),
        champion=None if champion is None else separated(champion),
        champion_adapter=None if champion is None and fault is None else CHAMPION,
        champion_fault=fault,
        raw=separated(0.7),
        least_std=0.1,
        eps=0.01,
        videos=3,
        rows=60,
    )


def test_a_better_candidate_becomes_champion() -> None:
    decision = choose(evaluation(0.95, 0.9), [])
    assert decision.champion
    assert "0.9500" in decision.reason
    assert "0.9000" in decision.reason


@pytest.mark.parametrize(("short", "wins"), [(0.0, True), (TOLERANCE * 0.99, True), (TOLERANCE * 1.01, False)])
def test_a_candidate_may_be_worse_by_the_tolerance_and_no_more(short: float, wins: bool) -> None:
    assert choose(evaluation(0.9 - short, 0.9), []).champion is wins


def test_the_first_adapter_becomes_champion_if_it_is_sound() -> None:
    assert choose(evaluation(0.6), []).champion
    assert choose(evaluation(None), []).champion
    assert not choose(evaluation(0.99), ["std is not above 0 in 1 dimensions"]).champion


def test_an_unsound_candidate_never_wins_however_well_it_separates() -> None:
    decision = choose(evaluation(0.99, 0.5), ["mean is not finite in 2 dimensions"])
    assert not decision.champion
    assert "2 dimensions" in decision.reason


def test_a_candidate_gives_way_where_nothing_can_be_compared() -> None:
    assert not choose(evaluation(None, 0.9), []).champion


def test_a_champion_that_cannot_be_read_keeps_no_candidate_out() -> None:
    decision = choose(evaluation(0.5, fault="changed"), [])
    assert decision.champion
    assert "changed" in decision.reason


def test_what_was_measured_is_kept_with_the_decision() -> None:
    measured = evaluation(0.95, 0.9)
    assert msgspec.convert(choose(measured, []).evaluation, Evaluation) == measured


def test_a_candidate_that_was_made_worse_loses_against_the_adapter_it_was_made_from() -> None:
    given = golds("a", "b", takes=2)
    good, bad = fitted(given), deaf(fitted(given), telling=True)
    ours, theirs = separation(given, bad), separation(given, good)
    measured = msgspec.structs.replace(evaluation(0.5, 0.5), candidate=ours, champion=theirs)
    assert not choose(measured, []).champion
    assert choose(msgspec.structs.replace(measured, candidate=theirs, champion=ours), []).champion


def test_an_adapter_of_golds_is_sound() -> None:
    given = golds("a", takes=3)
    assert faults(fitted(given), {gold.digest for gold in given}) == []


def test_what_is_unsound_is_named() -> None:
    given = golds("a", takes=3)
    adapter, digests = fitted(given), {gold.digest for gold in given}
    std, mean = adapter.std.copy(), adapter.mean.copy()
    std[:2], mean[0] = 0.0, np.nan
    (trainee,) = [
        msgspec.structs.replace(
            adapter.record,
            trained_on=tuple(msgspec.structs.replace(one, role=Role.TRAINEE) for one in adapter.record.trained_on),
        )
    ]
    assert faults(replace(adapter, std=std), digests) == ["std is not above 0 in 2 dimensions"]
    assert faults(replace(adapter, mean=mean), digests) == ["mean is not finite in 1 dimensions"]
    assert faults(replace(adapter, record=trainee), digests) == ["3 of its 3 videos are no gold on record"]
    assert faults(adapter, set(list(digests)[1:])) == ["1 of its 3 videos are no gold on record"]
