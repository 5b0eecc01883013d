# SPDX-License-Identifier: Apache-2.0
"""How golds are told apart through an adapter: what is the same, what is different, and what the number means."""

from dataclasses import replace

import numpy as np
import pytest

from ovpo.sop.training.evaluating import (
    MOST_GOLDS,
    MOST_PAIRS,
    Cosines,
    Labelled,
    Separation,
    measured,
    sampled,
    separation,
)
from tests.unit.sop.embedding.building import embedding, some_rows
from tests.unit.sop.training.takes import deaf, fitted, golds, take


def auc(of: list[Labelled], telling: bool | None = None) -> float:
    found = separation(of, None if telling is None else deaf(fitted(of), telling))
    assert found is not None
    return found.auc


def counts(of: list[Labelled]) -> tuple[int, int]:
    found = separation(of, None)
    assert found is not None
    return found.same_pairs, found.different_pairs


def cosines(*values: float) -> list[Cosines]:
    return [np.array(values, dtype=np.float32)]


def squeeze(pair: Cosines) -> Cosines:
    return np.asarray(0.9 + 0.05 * pair, dtype=np.float32)


@pytest.mark.parametrize("tasks", [("a", "b", "c"), ("a",)])
@pytest.mark.parametrize("takes", [1, 3])
def test_an_adapter_that_hears_only_what_tells_is_above_raw_rows_and_one_that_is_deaf_to_it_below(
    tasks: tuple[str, ...], takes: int
) -> None:
    given = golds(*tasks, takes=takes)
    assert auc(given, telling=False) > auc(given) > auc(given, telling=True)


def test_two_golds_of_one_task_are_the_same_and_others_and_the_halves_of_each_are_not() -> None:
    assert counts(golds("a", "b", takes=3)) == (2 * 3, 3 * 3 + 6)


def test_a_gold_that_is_alone_in_its_task_is_held_against_itself() -> None:
    assert counts([*golds("a", takes=1), *golds("b", takes=2)]) == (1 + 1, 2 + 3)


def test_a_gold_of_one_row_has_no_halves() -> None:
    assert separation([Labelled("a", embedding(some_rows(1, seed=1)))], None) is None


def test_the_number_is_how_often_the_right_clip_is_the_likest() -> None:
    found = measured(cosines(0.9, 0.4), cosines(0.5, 0.3, 0.2, 0.1))
    assert found.auc == pytest.approx((4 + 3) / 8)
    assert (found.same_rows, found.different_rows) == (2, 4)


def test_equal_cosines_say_nothing() -> None:
    assert measured(cosines(0.5, 0.5), cosines(0.5)).auc == pytest.approx(0.5)


def test_the_number_does_not_depend_on_the_scale_of_cosines() -> None:
    same, different = cosines(0.9, 0.4, 0.6), cosines(0.5, 0.3, 0.45)
    squeezed = measured([squeeze(pair) for pair in same], [squeeze(pair) for pair in different])
    found = measured(same, different)
    assert squeezed.auc == pytest.approx(found.auc)
    assert squeezed.d_prime == pytest.approx(found.d_prime, rel=1e-4)


def test_a_long_pair_counts_no_more_than_a_short_one() -> None:
    short, long = cosines(0.9), [np.full(1000, 0.1, dtype=np.float32)]
    assert measured([*short, *long], cosines(0.5)).auc == pytest.approx(0.5)


def test_the_number_is_the_same_in_whatever_order_the_golds_come() -> None:
    given = golds("a", "b", takes=3)
    forwards, backwards = separation(given, None), separation(given[::-1], None)
    assert isinstance(forwards, Separation)
    assert backwards is not None
    assert forwards.auc == pytest.approx(backwards.auc, abs=1e-9)


def test_of_many_golds_two_of_each_task_are_measured_before_a_third_of_any() -> None:
    one = take("a", 0)

    def gold(task: str, number: int) -> Labelled:
        return Labelled(task, replace(one, sidecar=embedding(one.rows, f"{task}{number}").sidecar))

    many = [gold("many", number) for number in range(2 * MOST_GOLDS)]
    few = [gold("few", number) for number in range(2)]
    kept = sampled([*many, *few])
    assert len(kept) == MOST_GOLDS
    assert [gold.task_id for gold in kept].count("few") == 2
    assert sampled([*few, *many][::-1]) == kept


def test_the_pairs_of_many_golds_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ovpo.sop.training.evaluating.MOST_PAIRS", 4)
    assert MOST_PAIRS > 4
    assert counts(golds("a", "b", takes=4)) == (4, 4 + 4)


def test_a_long_gold_is_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ovpo.sop.training.evaluating.MOST_ROWS", 10)
    found = separation(golds("a", takes=2), None)
    assert found is not None
    assert found.same_rows < 20
