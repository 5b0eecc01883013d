# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from msgspec import structs

from ovpo.sop.calibration.calibration import DEFAULT
from ovpo.sop.comparing import MOST_CELLS, Comparison, judge_embeddings
from ovpo.sop.embedding import Embedding
from ovpo.sop.errors import SopError
from ovpo.sop.judging.case import GoldStep
from ovpo.sop.judging.reading import Prices
from ovpo.sop.result import DeviationType, Verdict
from ovpo.sop.scoring.settings import USUAL
from tests.unit.sop.comparing.drawing import STEP_ROWS, gold_steps_of, run_of
from tests.unit.sop.embedding.building import embedding, some_rows

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
STEPS = gold_steps_of(4)
GOLD = run_of((1, 2, 3, 4), "gold.mp4")


def judged(gold: Embedding, trainee: Embedding, steps: tuple[GoldStep, ...] = STEPS) -> Comparison:
    return judge_embeddings(gold, trainee, steps=steps, calibration=DEFAULT, task="drawn", now=NOW)


def reason(comparison: Comparison) -> str:
    assert comparison.result.verdict is Verdict.CANNOT_JUDGE
    assert comparison.result.score is None
    assert comparison.result.deviations == ()
    (only,) = comparison.result.reasons
    return only.code


def test_the_gold_against_itself_has_all_points_and_a_straight_path() -> None:
    result = judged(GOLD, GOLD).result
    assert (result.verdict, result.score, result.deviations) == (Verdict.PASS, 100.0, ())
    assert result.alignment.mean_cost == pytest.approx(0, abs=1e-5)
    assert len(result.alignment.path) == 4 * STEP_ROWS
    assert all(gold == trainee for gold, trainee in result.alignment.path)


def test_a_step_that_was_left_out_is_named_and_costs_points() -> None:
    result = judged(GOLD, run_of((1, 2, 4), seed=1)).result
    assert [(one.type, one.steps, one.names) for one in result.deviations] == [
        (DeviationType.STEP_MISSING, (3,), ("do 3",))
    ]
    assert result.score is not None
    assert result.score < 80
    assert result.verdict is not Verdict.PASS


def test_the_result_says_what_it_was_made_with() -> None:
    comparison = judged(GOLD, run_of((1, 2, 3, 4), seed=1))
    result = comparison.result
    assert (result.task_id, result.created_at, result.gold.name) == ("drawn", NOW, "gold.mp4")
    assert result.versions.embedder == "heuristic 1"
    assert result.versions.calibration == DEFAULT.learnt_from
    assert result.settings["clips.window"] == GOLD.sidecar.maker.clips.window
    assert result.settings["embedder.a"] == 1
    assert result.settings["calibration.same"] == DEFAULT.same
    assert result.settings["scoring.weights.missing"] == 100
    assert "limits.over" in result.settings
    assert result.settings["prices.jump"] == Prices().jump
    assert comparison.likeness is not None
    assert comparison.likeness.shape == (80, 80)
    assert comparison.likeness.diagonal().min() > 0.9


def test_what_comes_before_the_first_gold_step_moves_every_gold_time_and_nothing_else() -> None:
    lead = run_of((9, 1, 2, 3, 4), "gold.mp4")
    steps = tuple(replace(step, first=step.first + STEP_ROWS, end=step.end + STEP_ROWS) for step in STEPS)
    trainee = run_of((1, 2, 4), seed=1)
    moved, plain = judged(lead, trainee, steps), judged(GOLD, trainee)
    assert moved.result.steps[0].gold.start == 5.0
    assert moved.result.score == plain.result.score
    assert [one.trainee for one in moved.result.steps] == [one.trainee for one in plain.result.steps]
    (one,), (other,) = moved.result.deviations, plain.result.deviations
    assert one.gold is not None
    assert other.gold is not None
    assert one.gold.start == other.gold.start + 5.0
    assert one.evidence.gold == (other.evidence.gold or 0) + 5.0
    assert moved.result.alignment.path[0] == (5.125, 0.125)
    assert moved.likeness is not None
    assert moved.likeness.shape == (100, 60)


def test_embeddings_of_two_embedders_are_not_compared() -> None:
    trainee = run_of((1, 2, 3, 4))
    maker = structs.replace(trainee.sidecar.maker, embedder="vjepa2")
    comparison = judged(GOLD, Embedding(trainee.rows, structs.replace(trainee.sidecar, maker=maker)))
    assert reason(comparison) == "mixed_embedders"
    assert "vjepa2" in comparison.result.reasons[0].sentence
    assert comparison.likeness is None
    assert [step.trainee for step in comparison.result.steps] == [None] * 4


def test_embeddings_through_two_adapters_are_not_compared() -> None:
    assert reason(judged(GOLD, run_of((1, 2, 3, 4), adapter="feature_adapter_1"))) == "mixed_adapters"


def test_a_single_row_is_too_short() -> None:
    comparison = judged(GOLD, embedding(some_rows(1, 3, 48)))
    assert reason(comparison) == "too_short"
    assert comparison.likeness is None, "it is not even compared"


def test_more_cells_than_fit_are_refused_before_any_is_computed() -> None:
    rows = int(MOST_CELLS / len(GOLD.rows)) + 1
    long = embedding(np.broadcast_to(GOLD.rows[:1], (rows, 48)))
    assert reason(judged(GOLD, long)) == "too_long"


@pytest.mark.parametrize("light", ["brightness", "motion"])
def test_dark_and_still_videos_are_not_judged_even_if_no_row_shows_anything(light: str) -> None:
    nothing = embedding(np.zeros((60, 48), np.float32))
    sidecar = structs.replace(nothing.sidecar, **{light: (0.0,) * 60})
    result = judged(GOLD, Embedding(nothing.rows, sidecar)).result
    assert [one.code for one in result.reasons] == [{"brightness": "too_dark", "motion": "still"}[light]]


@pytest.mark.parametrize(("light", "needed"), [(0.055, USUAL.dark_brightness), (0.02, 0.01)])
def test_a_run_in_light_that_is_just_enough_is_judged_by_what_is_done_in_it(light: float, needed: float) -> None:
    scoring = structs.replace(USUAL, dark_brightness=needed)
    run = run_of((1, 2, 3, 4), seed=1)
    dim = Embedding(run.rows, structs.replace(run.sidecar, brightness=(light,) * len(run.rows)))
    result = judge_embeddings(
        GOLD, dim, steps=STEPS, calibration=DEFAULT, scoring=scoring, task="drawn", now=NOW
    ).result
    assert (result.verdict, result.deviations) == (Verdict.PASS, ())


def test_a_gold_without_rows_is_an_error_that_names_it_and_not_the_trainee() -> None:
    with pytest.raises(SopError, match=r"gold\.mp4 has 0\.0 s") as caught:
        judged(embedding(np.zeros((0, 48), np.float32), "gold.mp4"), run_of((1, 2)), ())
    assert caught.value.code == "gold_too_short"


def test_the_prices_that_were_in_force_are_recorded_even_if_nothing_was_compared() -> None:
    for trainee in (GOLD, embedding(some_rows(1, 3, 48))):
        comparison = judge_embeddings(
            GOLD, trainee, steps=STEPS, calibration=DEFAULT, prices=Prices(jump=9.0), task="drawn", now=NOW
        )
        assert comparison.result.settings["prices.jump"] == 9.0


def test_a_run_of_other_steps_is_another_procedure() -> None:
    assert reason(judged(GOLD, run_of((11, 12, 13, 14)))) == "wrong_procedure"


def test_a_long_path_is_recorded_in_at_most_2000_pairs_with_both_ends() -> None:
    rows = np.repeat(GOLD.rows, 30, axis=0)
    steps = tuple(replace(step, first=30 * step.first, end=30 * step.end) for step in STEPS)
    path = judged(embedding(rows), embedding(rows), steps).result.alignment.path
    assert 1900 < len(path) <= 2000
    assert path[0] == (0.125, 0.125)
    assert path[-1] == (599.875, 599.875)
