# SPDX-License-Identifier: Apache-2.0
"""The moves of a score: who may make them, from which state, and what they leave alone."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from ovpo.foundation.postgres.connect import open_pool, tenant_transaction
from ovpo.foundation.settings.tree import PostgresRole
from ovpo.sop.procedures.queueing import queue_ready
from ovpo.sop.records.rows import Score, ScoreState
from ovpo.sop.records.scores import Came, MadeWith, Scores
from tests.integration.sop.procedures.world import TENANT, World

NOW = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
CAME = Came(verdict="pass", points=97.5, deviations=[], result_key="sop/demo/scores/a/result.json")


def queued(world: World) -> Score:
    world.video("gold")
    score = world.asked(world.video("trainee"))
    with world.place().transaction() as connection:
        queue_ready(connection, NOW)
    return score


def started(world: World, run_id: str = "run-1") -> Score:
    score = queued(world)
    with world.place().transaction() as connection:
        taken = Scores(connection).started(TENANT, score.score_id, run_id, NOW)
    assert taken is not None
    return taken


def made_with(world: World, score: Score) -> MadeWith:
    return MadeWith(gold_id=score.trainee_id, maker=world.maker, adapter="", definition_version=None, code_version="1")


def test_intake_asks_once_for_a_video_however_often_it_says_so_and_in_the_videos_own_hour(world: World) -> None:
    trainee = world.video("trainee")
    first, again = world.asked(trainee), world.asked(trainee)
    assert first == again
    assert (first.state, first.window_start, first.asked_by) == (ScoreState.WAITING, world.hour, "intake")


def test_what_is_asked_through_the_api_lies_in_the_hour_of_asking_and_may_be_asked_again(world: World) -> None:
    trainee = world.video("trainee")
    first = world.asked_for(trainee, NOW, wanted_definition=3)
    again = world.asked_for(trainee, NOW)
    assert first.score_id != again.score_id
    assert first.window_start == NOW.replace(minute=0)
    assert (first.wanted_definition, again.wanted_definition) == (3, None)


def test_a_score_that_runs_is_taken_by_no_second_thread_of_its_run_but_by_the_run_that_follows_a_death(
    world: World,
) -> None:
    score = started(world, "dead")
    with world.place().transaction() as connection:
        scores = Scores(connection)
        assert scores.started(TENANT, score.score_id, "dead", NOW) is None
        taken = scores.started(TENANT, score.score_id, "alive", NOW)
        assert taken is not None
        assert not scores.finished(score, made_with(world, score), CAME, NOW), "it was given up for dead"
        assert not scores.failed(score, "code", "sentence", NOW)
        assert scores.finished(taken, made_with(world, score), CAME, NOW)


@pytest.mark.parametrize("stage", ["waiting", "queued", "started"])
def test_what_is_not_done_can_be_canceled_and_then_retried(world: World, stage: str) -> None:
    make = {"waiting": lambda: world.asked(world.video("trainee")), "queued": lambda: queued(world)}
    score = make.get(stage, lambda: started(world))()
    assert world.now_of(score).state == stage
    with world.place().transaction() as connection:
        scores = Scores(connection)
        assert scores.cancel("another", score.score_id, NOW) is None
        canceled = scores.cancel(TENANT, score.score_id, NOW)
        assert canceled is not None
        assert canceled.state is ScoreState.CANCELED
        assert scores.cancel(TENANT, score.score_id, NOW) is None
        assert not scores.is_held(score), "its run sees it"
        assert not scores.finished(score, made_with(world, score), CAME, NOW)
        retried = scores.retry(TENANT, score.score_id, NOW)
        assert retried is not None
        assert retried.state is ScoreState.WAITING


def test_what_is_finished_can_be_reviewed_but_neither_canceled_nor_retried(world: World) -> None:
    score = started(world)
    with world.place().transaction() as connection:
        scores = Scores(connection)
        assert scores.review(TENANT, score.score_id, "fail", "rita", None, NOW) is None, "there is no result yet"
        assert scores.finished(score, made_with(world, score), CAME, NOW)
        assert scores.cancel(TENANT, score.score_id, NOW) is None
        assert scores.retry(TENANT, score.score_id, NOW) is None
        reviewed = scores.review(TENANT, score.score_id, "fail", "rita", "no gloves", NOW)
    assert reviewed is not None
    assert (reviewed.reviewed_verdict, reviewed.reviewed_by, reviewed.review_note) == ("fail", "rita", "no gloves")
    assert (reviewed.verdict, reviewed.points) == ("pass", 97.5)


def test_a_failed_score_says_why_until_it_is_retried(world: World) -> None:
    score = started(world)
    with world.place().transaction() as connection:
        assert Scores(connection).failed(score, "too_dark", "Record it in more light.", NOW)
    failed = world.now_of(score)
    assert (failed.state, failed.reason_code) == (ScoreState.FAILED, "too_dark")
    assert failed.reason == "Record it in more light."
    with world.place().transaction() as connection:
        Scores(connection).retry(TENANT, score.score_id, NOW)
    assert world.now_of(score).reason is None


def test_the_report_of_an_earlier_result_is_not_taken_for_that_of_this_one(world: World) -> None:
    score = started(world)
    with world.place().transaction() as connection:
        scores = Scores(connection)
        scores.finished(score, made_with(world, score), CAME, NOW)
        earlier = scores.find(TENANT, score.score_id)
        assert earlier is not None
        connection.execute(
            "UPDATE sop_scores SET result_key = 'sop/demo/scores/b/result.json' WHERE score_id = %s", (score.score_id,)
        )
        assert not scores.reported(earlier, "sop/demo/scores/a/report.pdf", NOW)
    assert world.now_of(score).report_key is None


def test_scores_are_listed_by_windows_and_seen_by_their_own_tenant_only(world: World) -> None:
    score = world.asked(world.video("trainee"))
    with world.place().transaction() as connection:
        assert [one.score_id for one in Scores(connection).of_windows(world.hours)] == [score.score_id]
    with open_pool(world.settings.postgres, PostgresRole.QUERY) as pool:
        with tenant_transaction(pool, TENANT) as connection:
            assert Scores(connection).find(TENANT, score.score_id) is not None
        with tenant_transaction(pool, "another") as connection:
            assert Scores(connection).find(TENANT, score.score_id) is None


def test_the_role_of_the_api_may_ask_and_queue_at_once(world: World) -> None:
    world.video("gold")
    score = world.asked_for(world.video("trainee"), world.hour)
    with (
        open_pool(world.settings.postgres, PostgresRole.QUERY) as pool,
        tenant_transaction(pool, TENANT) as connection,
    ):
        queue_ready(connection, world.hour + timedelta(minutes=1))
    assert world.now_of(score).state is ScoreState.QUEUED
    assert world.items_of(score) == [("queued", None)]


def test_nobody_finds_a_score_that_there_is_not(world: World) -> None:
    with world.place().transaction() as connection:
        assert Scores(connection).find(TENANT, uuid4()) is None
