# SPDX-License-Identifier: Apache-2.0
"""A step that is there but in one aspect unlike the gold's: which aspect, and from when to when."""

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from ovpo.sop.calibration.calibration import DEFAULT
from ovpo.sop.embedding import Embedding, Rows
from ovpo.sop.judging.aspects import Otherwise, _around, done_otherwise, worst_shortfalls
from ovpo.sop.judging.case import GoldStep
from ovpo.sop.judging.comparing import compare
from ovpo.sop.judging.finding import find
from ovpo.sop.judging.limits import Limits
from ovpo.sop.judging.reading import Prices, Reading
from ovpo.sop.judging.visits import Run, tell
from tests.unit.sop.embedding.building import embedding

STEPS, ROWS, WIDE = 4, 30, 12
COUNT = STEPS * ROWS
ASPECTS = {"place": (0, WIDE), "held": (WIDE, 2 * WIDE), "sway": (2 * WIDE, 3 * WIDE)}
MOST = dict.fromkeys(ASPECTS, 8.0)
STEP_OF = np.repeat(np.arange(STEPS, dtype=np.int32), ROWS)
TWO_SECONDS = 8
LIMITS = Limits()


def work(seed: int, noise: float) -> Rows:
    """Give rows in which each aspect of each step goes slowly from one direction to another."""
    drawn = np.random.default_rng(1)
    share = np.linspace(0, 1, ROWS)[:, None]
    parts = []
    for _ in range(STEPS):
        ends = drawn.normal(size=(2, 3 * WIDE))
        parts.append((1 - share) * ends[0] + share * ends[1])
    rows = np.concatenate(parts)
    return np.asarray(rows + noise * np.random.default_rng(seed).normal(size=rows.shape), np.float32)


def filmed(rows: Rows) -> Embedding:
    plain = embedding(rows)
    return replace(
        plain, sidecar=structs.replace(plain.sidecar, maker=structs.replace(plain.sidecar.maker, aspects=ASPECTS))
    )


def run() -> Run:
    rows = np.arange(COUNT, dtype=np.int32)
    reading = Reading(rows, rows, np.zeros(COUNT, np.bool_), 0.0)
    return tell(reading, STEP_OF, np.ones(COUNT, np.bool_))


def found(trainee: Embedding, gold: Embedding | None = None, most: dict[str, float] = MOST) -> tuple[Otherwise, ...]:
    read = run()
    return done_otherwise(gold or filmed(work(2, 0.1)), trainee, read, read.visits, STEP_OF, most, TWO_SECONDS)


def otherwise(aspect: str, first: int, end: int) -> Embedding:
    rows = work(3, 0.1)
    begin, stop = ASPECTS[aspect]
    rows[first:end, begin:stop] *= -1
    return filmed(rows)


def test_an_honest_retake_is_not_otherwise() -> None:
    assert found(filmed(work(3, 0.1))) == ()


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize(("first", "end"), [(36, 52), (66, 86), (92, 101)])
def test_the_aspect_that_is_otherwise_is_found_where_it_is(aspect: str, first: int, end: int) -> None:
    [one] = found(otherwise(aspect, first, end))
    assert one.aspect == aspect
    assert one.visit.step == first // ROWS
    assert one.first == pytest.approx(first, abs=2)
    assert one.end == pytest.approx(end, abs=2)
    assert one.excess > 1


def test_what_is_shorter_than_two_seconds_is_nothing() -> None:
    assert found(otherwise("held", 40, 45)) == ()


def test_an_aspect_that_no_limit_is_known_of_is_not_looked_at() -> None:
    assert found(otherwise("held", 36, 52), most={"place": 8.0}) == ()
    assert found(otherwise("held", 36, 52), most={}) == ()


def test_rows_that_went_through_an_adapter_are_judged_by_what_they_were_before() -> None:
    gold, trainee = filmed(work(2, 0.1)), otherwise("held", 36, 52)
    blank = np.ones_like(gold.rows)

    def adapted(one: Embedding, before: Rows | None) -> Embedding:
        return Embedding(blank, structs.replace(one.sidecar, adapter="a"), before)

    [one] = found(adapted(trainee, trainee.rows), adapted(gold, gold.rows))
    assert one.aspect == "held"
    assert found(adapted(trainee, None), adapted(gold, gold.rows)) == ()


def even(rows: Rows) -> Rows:
    """Bring each aspect to the same length, so that none stands for the whole."""
    parts = [rows[:, first:end] for first, end in ASPECTS.values()]
    return np.concatenate([part / np.linalg.norm(part, axis=1, keepdims=True) for part in parts], axis=1)


def told(trainee: Embedding, limits: Limits = LIMITS) -> list[tuple[str, tuple[int, ...], str]]:
    """Compare with the gold, all rows at unit length, and give type, steps and sentence of what is found."""

    def whole(one: Embedding) -> Embedding:
        return replace(one, rows=one.rows / np.linalg.norm(one.rows, axis=1, keepdims=True))

    steps = tuple(GoldStep(f"step {number + 1}", number * ROWS, number * ROWS + ROWS) for number in range(STEPS))
    calibration = structs.replace(DEFAULT, shortfall=MOST)
    case = compare(whole(filmed(even(work(2, 0.1)))), whole(trainee), steps, calibration, Prices(), limits)
    return [(one.type.value, one.steps, one.sentence) for one in find(case, limits)]


@pytest.mark.parametrize(
    ("aspect", "word"), [("place", "in another place"), ("held", "another tool or part"), ("sway", "another movement")]
)
def test_a_step_that_is_otherwise_in_one_aspect_is_told_with_a_word_for_it(aspect: str, word: str) -> None:
    rows = even(work(3, 0.1))
    first, end = ASPECTS[aspect]
    strange = np.random.default_rng(9).normal(size=end - first)
    rows[36:52, first:end] = 0.5 * rows[36:52, first:end] + 0.8 * strange / np.linalg.norm(strange)
    [(kind, steps, sentence)] = told(filmed(rows))
    assert (kind, steps) == ("execution_deviation", (2,))
    assert word in sentence


def test_a_limit_shorter_than_a_row_is_a_row() -> None:
    told(otherwise("held", 36, 52), structs.replace(LIMITS, deviation_seconds=0.05))


def test_a_shortfall_that_flickers_is_as_long_as_its_window() -> None:
    assert _around(np.array([-18.0, 30.0, -18.0, 30.0, 30.0, -18.0, 30.0, 30.0, -18.0]), 1, 8)[1] > 0


def test_the_worst_shortfall_of_a_retake_is_small_but_where_it_is_otherwise() -> None:
    read, gold = run(), filmed(work(2, 0.1))

    def worst(trainee: Embedding) -> dict[str, float]:
        return worst_shortfalls(gold, trainee, read, read.visits, STEP_OF, ASPECTS, TWO_SECONDS)

    honest, other = worst(filmed(work(3, 0.1))), worst(otherwise("sway", 36, 52))
    assert honest.keys() == other.keys() == ASPECTS.keys()
    assert max(honest.values()) < MOST["sway"] < other["sway"]
    assert worst_shortfalls(gold, gold, read, read.visits, STEP_OF, (), TWO_SECONDS) == {}


def test_the_ends_of_the_procedure_show_what_is_before_and_after_it_too() -> None:
    assert found(otherwise("place", 0, 7)) == ()
    assert found(otherwise("place", COUNT - 7, COUNT)) == ()
