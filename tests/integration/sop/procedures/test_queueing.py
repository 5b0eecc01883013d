# SPDX-License-Identifier: Apache-2.0
"""Which scores are queued: what is ready, once, however many look; and what nobody will ever make is failed."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from uuid import UUID, uuid4

from ovpo.sop.procedures.queueing import queue_ready
from ovpo.sop.records.embeddings import Embeddings
from ovpo.sop.records.rows import Score, ScoreState
from ovpo.sop.records.scores import Scores
from tests.integration.sop.procedures.world import TENANT, World
from tests.unit.sop.comparing.drawing import run_of

STEPS = (1, 2, 3, 4)


def look(world: World) -> int:
    place = world.place()
    with place.transaction() as connection:
        return queue_ready(connection, place.now())


def state_of(world: World, score: Score) -> ScoreState:
    look(world)
    return world.now_of(score).state


def asked_of_bare(world: World) -> Score:
    with world.place().transaction() as connection:
        trainee = world.bare_video(connection, "trainee")
    return world.asked(world.found_video(trainee))


def test_a_score_waits_for_the_embeddings_of_both_videos_and_is_queued_in_its_own_hour(world: World) -> None:
    score = asked_of_bare(world)
    assert state_of(world, score) is ScoreState.WAITING, "there is no gold"
    world.video("gold")
    assert state_of(world, score) is ScoreState.WAITING, "the trainee is not embedded"
    world.embed(score.trainee_id, run_of(STEPS))
    assert state_of(world, score) is ScoreState.QUEUED
    (item,) = world.claimed("any")
    assert (item.subject, item.window_start, item.tenant_id) == (str(score.score_id), world.hour, TENANT)


def test_rows_of_a_maker_that_is_worked_with_no_more_make_nothing_ready(world: World) -> None:
    world.video("gold")
    score = world.asked(world.video("trainee"))
    with world.place().transaction() as connection:
        Embeddings(connection).make_current(uuid4().hex[:16], world.place().now())
    assert state_of(world, score) is ScoreState.WAITING


def test_the_gold_that_was_asked_for_is_waited_for_though_the_task_has_another(world: World) -> None:
    world.video("gold")
    with world.place().transaction() as connection:
        other = world.bare_video(connection, "gold")
    score = world.asked_for(world.video("trainee"), world.hour, wanted_gold_id=other)
    assert state_of(world, score) is ScoreState.WAITING
    world.embed(other, run_of(STEPS))
    assert state_of(world, score) is ScoreState.QUEUED


def test_many_who_look_at_once_queue_each_score_once(world: World) -> None:
    world.video("gold")
    trainee = world.video("trainee")
    scores = [world.asked_for(trainee, world.hour) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: look(world), range(12)))
    assert [world.items_of(score) for score in scores] == [[("queued", None)]] * 6


def test_what_is_retried_gets_an_item_of_its_own(world: World) -> None:
    world.video("gold")
    score = world.asked(world.video("trainee"))
    for times in (1, 2, 3):
        look(world)
        assert len(world.items_of(score)) == times
        with world.place().transaction() as connection:
            Scores(connection).cancel(TENANT, score.score_id, world.hour)
            Scores(connection).retry(TENANT, score.score_id, world.hour)


def test_a_score_whose_every_run_died_is_failed_and_says_so_and_may_be_retried(world: World) -> None:
    world.video("gold")
    score = world.asked(world.video("trainee"))
    look(world)
    for run_id in ("first", "second"):
        world.claimed(run_id)
        with world.place().transaction() as connection:
            assert Scores(connection).started(TENANT, score.score_id, run_id, world.hour)
        assert state_of(world, score) is ScoreState.STARTED, "while its run lives, nothing is given up"
        world.given_back(run_id, most_attempts=2)
    assert state_of(world, score) is ScoreState.FAILED
    assert world.now_of(score).reason_code == "given_up"
    with world.place().transaction() as connection:
        Scores(connection).retry(TENANT, score.score_id, world.hour)
    assert state_of(world, score) is ScoreState.QUEUED


def test_a_score_of_a_video_that_was_refused_or_deleted_is_failed_and_not_waited_for(world: World) -> None:
    refused, deleted = asked_of_bare(world), asked_of_bare(world)
    with world.place().transaction() as connection:
        connection.execute(
            "UPDATE sop_videos SET state = 'quarantined', reason = 'too short' WHERE video_id = %s",
            (refused.trainee_id,),
        )
        connection.execute("UPDATE sop_videos SET state = 'deleted' WHERE video_id = %s", (deleted.trainee_id,))
    for score in (refused, deleted):
        assert state_of(world, score) is ScoreState.FAILED
        assert world.now_of(score).reason_code == "video_unusable"


def test_a_score_whose_two_videos_are_embedded_at_the_same_moment_is_queued(world: World) -> None:
    world.video("trainee")
    score = asked_of_bare(world)
    place = world.place()
    with place.transaction() as connection:
        gold = world.bare_video(connection, "gold")
    world.refer_to(gold)
    entered, looked = Barrier(2), Barrier(2)

    def embedded(video_id: UUID) -> None:
        with place.transaction() as connection:
            world.enter(connection, video_id, run_of(STEPS))
            entered.wait(20)
            queue_ready(connection, place.now())
            # Neither commits before both have looked, unless one has to wait for the other.
            with suppress(BrokenBarrierError):
                looked.wait(1)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(embedded, (score.trainee_id, gold)))
    assert world.now_of(score).state is ScoreState.QUEUED
