# SPDX-License-Identifier: Apache-2.0
"""The tables of scores and reports, what is expected of them, and what is shown of them."""

from io import BytesIO

import polars as pl
from PIL import Image

from ovpo.foundation.quality import validate
from ovpo.sop.procedures import rules
from ovpo.sop.procedures.keeping import prefix_of
from ovpo.sop.procedures.reporting import report
from ovpo.sop.procedures.scoring import score
from ovpo.sop.procedures.showing import MOST_BYTES, similarity_picture, verdicts
from ovpo.sop.procedures.table import REPORT_SUITE, SCORE_SUITE, reports_table, scores_table
from tests.integration.sop.procedures.world import World

RULES = (rules.points_faults, rules.confidence_faults, rules.time_faults, rules.object_faults)


def test_the_tables_of_a_window_keep_what_is_expected_of_them(world: World) -> None:
    world.video("gold")
    runs = {"faulty": (1, 2, 4), "right": (1, 2, 3, 4), "unlike": (11, 12, 13, 14)}
    asked = {name: world.asked(world.video("trainee", steps, seed=1)) for name, steps in runs.items()}
    score(world.place(), world.hours)
    report(world.place(), world.hours)
    with world.place().transaction() as connection:
        waiting = world.bare_video(connection, "trainee")
    world.asked(world.found_video(waiting))

    table, reports = scores_table(world.place(), world.hours), reports_table(world.place(), world.hours)
    assert validate(table, SCORE_SUITE).is_empty()
    assert validate(reports, REPORT_SUITE).is_empty()
    assert all(rule(table).is_empty() for rule in RULES)
    assert rules.report_faults(reports).is_empty()

    by_name = {
        name: table.row(by_predicate=pl.col("score_id") == str(of.score_id), named=True) for name, of in asked.items()
    }
    assert by_name["faulty"]["found"] == "step 3 left out"
    assert by_name["faulty"]["deviations"] == 1
    assert by_name["faulty"]["losses"] == round(100 - by_name["faulty"]["points"], 2)
    assert by_name["faulty"]["lowest_confidence"] == by_name["faulty"]["highest_confidence"]
    assert by_name["right"]["found"] == ""
    assert by_name["unlike"]["points"] is None
    assert table.filter(pl.col("state") == "waiting")["verdict"].to_list() == [None]
    assert reports.height == 3
    assert (reports["bytes"] > 1000).all()

    shown = verdicts(table)
    assert shown["verdict"].to_list()[-1] == "cannot_judge", "what has no points comes last"
    assert shown["found"].to_list()[0] == "step 3 left out", "the worst comes first"
    assert shown["score"].str.len_chars().to_list() == [8, 8, 8]


def test_a_file_that_is_missing_or_nobodys_is_a_fault(world: World) -> None:
    world.video("gold")
    asked = [world.asked(world.video("trainee", seed=seed)) for seed in (1, 2, 3, 4)]
    score(world.place(), world.hours)
    objects = world.place().objects
    no_result, no_matrix, stray, _ = (world.now_of(one) for one in asked)
    objects.delete(no_result.result_key or "")
    objects.delete(f"{prefix_of(no_matrix.result_key or '')}/matrix.npz")
    objects.put(f"sop/demo/scores/{stray.score_id}/died/result.json", b"{}")
    faults = rules.object_faults(scores_table(world.place(), world.hours))
    found = {row["score_id"]: (row["lacking"], row["stray"]) for row in faults.to_dicts()}
    assert found == {
        str(no_result.score_id): (1, 0),
        str(no_matrix.score_id): (1, 0),
        str(stray.score_id): (0, 1),
    }


def test_a_report_that_was_not_written_is_a_fault(world: World) -> None:
    world.video("gold")
    asked = world.asked(world.video("trainee", seed=1))
    score(world.place(), world.hours)
    reports = reports_table(world.place(), world.hours)
    assert validate(reports, REPORT_SUITE).is_empty()
    assert rules.report_faults(reports)["score_id"].to_list() == [str(asked.score_id)]


def test_the_picture_is_of_the_worst_score_that_has_one_and_small_enough_to_be_kept(world: World) -> None:
    assert similarity_picture(world.place(), world.hours) is None
    world.video("gold", (1, 2, 3, 4, 5, 6, 7, 8))
    right = world.asked(world.video("trainee", (1, 2, 3, 4, 5, 6, 7, 8), seed=1))
    worst = world.asked(world.video("trainee", (1, 2, 3, 5), seed=2))
    score(world.place(), world.hours)
    picture = similarity_picture(world.place(), world.hours)
    assert picture is not None
    assert len(picture) < MOST_BYTES
    assert Image.open(BytesIO(picture)).width >= 320
    points = {one.score_id: world.now_of(one).points or 0 for one in (right, worst)}
    assert points[worst.score_id] < points[right.score_id]
    world.place().objects.delete(f"{prefix_of(world.now_of(worst).result_key or '')}/matrix.npz")
    other = similarity_picture(world.place(), world.hours)
    assert other is not None
    assert other != picture


def test_windows_without_scores_have_empty_tables_of_the_same_columns(world: World) -> None:
    table, reports = scores_table(world.place(), world.hours), reports_table(world.place(), world.hours)
    assert (table.height, reports.height) == (0, 0)
    assert validate(table, SCORE_SUITE).is_empty()
    assert verdicts(table).is_empty()
    assert all(rule(table).is_empty() for rule in RULES)
    assert int(reports["bytes"].sum()) == 0
