# SPDX-License-Identifier: Apache-2.0
"""Making scores: what a finished one leaves behind, what makes it stale, and what a death in the middle leaves."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from ovpo.foundation.ledger.items import Arrival
from ovpo.foundation.ledger.session import Session
from ovpo.foundation.objects.errors import ObjectStoreUnavailableError
from ovpo.sop.adapters.fitting import fit
from ovpo.sop.procedures import making, scoring
from ovpo.sop.procedures.keeping import load_matrix, load_result, prefix_of, save_result
from ovpo.sop.procedures.making import Making
from ovpo.sop.procedures.queueing import queue_ready
from ovpo.sop.procedures.scoring import score
from ovpo.sop.procedures.version import VERSION
from ovpo.sop.records.definitions import Definitions
from ovpo.sop.records.rows import Score, ScoreState, Video
from ovpo.sop.records.scores import Scores
from ovpo.sop.working import SCORE, Worked
from tests.integration.sop.procedures.world import TENANT, World
from tests.unit.sop.comparing.drawing import run_of

ONE_FINISHED = Worked(finished=1)
NOTHING = Worked()


def run(world: World) -> Worked:
    return score(world.place(), world.hours)


def scored(world: World, *steps: int) -> tuple[Score, Video]:
    gold = world.video("gold")
    asked = world.asked(world.video("trainee", steps or (1, 2, 3, 4), seed=1))
    assert run(world) == ONE_FINISHED
    return world.now_of(asked), gold


def prefixes(world: World, of: Score) -> set[str]:
    return {prefix_of(key) for key in world.objects_of(of)}


def test_a_finished_score_says_what_came_out_and_what_it_was_made_with(world: World) -> None:
    found, gold = scored(world, 1, 2, 4)
    assert (found.state, found.gold_id, found.maker) == (ScoreState.FINISHED, gold.video_id, world.maker)
    assert (found.definition_version, found.code_version) == (None, VERSION)
    assert found.adapter.startswith("feature_adapter_"), "without a champion one is fitted"
    assert found.points is not None
    assert found.points < 80
    assert found.deviations is not None
    (missing,) = found.deviations
    assert (missing["type"], missing["steps"], missing["names"]) == ("step_missing", [3], ["step 3"])
    assert missing["gold"] == {"start": 10.0, "end": 15.0}
    assert 0 < missing["confidence"] <= 1
    assert "step 3" in missing["sentence"]
    assert world.items_of(found) == [("finished", None)]


def test_the_result_and_its_matrix_lie_where_the_row_says(world: World) -> None:
    found, _ = scored(world, 1, 2, 4)
    assert found.result_key is not None
    objects = world.place().objects
    result = load_result(objects, found.result_key)
    assert (result.task_id, result.score, result.verdict) == (world.task, found.points, found.verdict)
    similarity = load_matrix(objects, found.result_key)
    assert similarity is not None
    assert similarity.values.shape == (80, 60)
    assert (similarity.gold_seconds, similarity.trainee_seconds) == (20.0, 15.0)
    assert similarity.values.diagonal()[:40].mean() > 0.8
    assert len(prefixes(world, found)) == 1


def test_a_second_run_finds_nothing_to_do(world: World) -> None:
    found, _ = scored(world)
    assert run(world) == NOTHING
    assert world.now_of(found) == found


def test_all_scores_of_a_window_are_made_and_those_of_another_are_left(world: World) -> None:
    world.video("gold")
    asked = [world.asked(world.video("trainee", seed=seed)) for seed in range(1, 5)]
    later = world.asked_for(world.video("trainee"), datetime(2200, 1, 1, world.mark % 24, tzinfo=UTC))
    assert run(world) == Worked(finished=4)
    assert {world.now_of(one).state for one in asked} == {ScoreState.FINISHED}
    assert world.now_of(later).state is ScoreState.QUEUED


def define(world: World, *names: str) -> None:
    content = f"task: {world.task}\nsteps: [{', '.join(f'{{name: {name}}}' for name in names)}]"
    with world.place().transaction() as connection:
        Definitions(connection).add(TENANT, world.task, content, "rita", world.hour)


def new_definition(world: World, _: pytest.MonkeyPatch) -> dict[str, Any]:
    define(world, "wash", "rinse", "dry", "check")
    return {"definition_version": 1}


def new_champion(world: World, _: pytest.MonkeyPatch) -> dict[str, Any]:
    adapter = fit([world.made(run_of((1, 2, 3, 4, 5)))[0]], now=world.hour, id=uuid4().hex[:12])
    world.crown(adapter)
    return {"adapter": adapter.record.name}


def new_gold(world: World, _: pytest.MonkeyPatch) -> dict[str, Any]:
    gold = world.video("gold", seed=2)
    world.refer_to(gold.video_id)
    return {"gold_id": gold.video_id}


def new_code(_: World, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    patch.setattr(scoring, "VERSION", "next")
    patch.setattr(making, "VERSION", "next")
    return {"code_version": "next"}


@pytest.mark.parametrize("change", [new_definition, new_champion, new_gold, new_code])
def test_what_stands_on_something_that_is_another_now_is_made_anew_once_and_what_people_said_stays(
    world: World, monkeypatch: pytest.MonkeyPatch, change: Callable[[World, pytest.MonkeyPatch], dict[str, Any]]
) -> None:
    found, _ = scored(world)
    with world.place().transaction() as connection:
        Scores(connection).review(TENANT, found.score_id, "pass", "rita", "fine", world.hour)
        Scores(connection).reported(found, f"{prefix_of(found.result_key or '')}/report.pdf", world.hour)
    changed = change(world, monkeypatch)
    assert run(world) == ONE_FINISHED
    anew = world.now_of(found)
    assert {name: getattr(anew, name) for name in changed} == changed
    assert anew.result_key != found.result_key
    assert anew.report_key is None, "the report is of the former result"
    assert prefixes(world, anew) == {prefix_of(anew.result_key or "")}, "the former objects are gone"
    assert (anew.reviewed_by, anew.review_note) == ("rita", "fine")
    assert run(world) == NOTHING
    assert world.items_of(anew) == [("finished", None)] * 2


def test_another_maker_makes_a_score_stale_only_once_both_videos_are_embedded_by_it(world: World) -> None:
    found, gold = scored(world)
    world.mark += 200_000
    _, world.maker = world.made(run_of((1,)))
    world.embed(found.trainee_id, run_of((1, 2, 3, 4), f"{found.trainee_id}.mp4", seed=1))
    assert run(world) == NOTHING
    assert world.now_of(found) == found, "the old result stands until there can be a new one"
    world.embed(gold.video_id, run_of((1, 2, 3, 4), f"{gold.video_id}.mp4"))
    assert run(world) == ONE_FINISHED
    assert world.now_of(found).maker == world.maker


def test_the_definition_and_the_gold_that_were_asked_for_are_kept_to(world: World) -> None:
    world.video("gold")
    other = world.video("gold", (1, 2, 3))
    define(world, "wash", "rinse", "dry", "check")
    define(world, "wash", "rinse", "dry")
    asked = world.asked_for(
        world.video("trainee", (1, 2, 3), seed=1), wanted_gold_id=other.video_id, wanted_definition=2
    )
    define(world, "wash")
    assert run(world) == ONE_FINISHED
    found = world.now_of(asked)
    assert (found.gold_id, found.definition_version, found.verdict) == (other.video_id, 2, "pass")
    assert run(world) == NOTHING


def test_what_cannot_be_scored_fails_with_what_to_change_and_the_ledger_names_the_code_alone(world: World) -> None:
    world.video("gold", (1,))
    define(world, *(f"part {number}" for number in range(30)))
    asked = world.asked(world.video("trainee", seed=1))
    assert run(world) == Worked(quarantined=1)
    failed = world.now_of(asked)
    assert (failed.state, failed.reason_code) == (ScoreState.FAILED, "gold_too_short")
    assert failed.reason is not None
    assert "give the whole gold video" in failed.reason
    assert world.items_of(asked) == [("quarantined", "gold_too_short")]
    assert world.objects_of(asked) == []
    assert run(world) == NOTHING, "it is not tried for ever"


def test_a_rescoring_that_fails_leaves_the_earlier_result_where_it_was(world: World) -> None:
    found, _ = scored(world)
    define(world, *(f"part {number}" for number in range(90)))
    assert run(world) == Worked(quarantined=1)
    failed = world.now_of(found)
    assert failed.state is ScoreState.FAILED
    assert (failed.result_key, failed.verdict) == (found.result_key, found.verdict)
    assert prefixes(world, failed) == {prefix_of(found.result_key or "")}


def test_a_score_without_its_embeddings_says_so_and_follows_by_itself(world: World) -> None:
    world.video("gold")
    trainee = world.video("trainee", seed=1)
    asked = world.asked(trainee)
    with world.place().transaction() as connection:
        queue_ready(connection, world.hour)
        connection.execute("DELETE FROM sop_embeddings WHERE video_id = %s", (trainee.video_id,))
    assert run(world) == Worked(quarantined=1)
    assert world.now_of(asked).reason_code == "not_embedded"
    assert run(world) == NOTHING
    world.embed(trainee.video_id, run_of((1, 2, 3, 4), f"{trainee.video_id}.mp4", seed=1))
    assert run(world) == ONE_FINISHED


def test_what_was_canceled_before_its_run_came_is_not_made(world: World) -> None:
    world.video("gold")
    asked = world.asked(world.video("trainee"))
    with world.place().transaction() as connection:
        queue_ready(connection, world.hour)
        Scores(connection).cancel(TENANT, asked.score_id, world.hour)
    assert run(world) == Worked(canceled=1)
    assert world.now_of(asked).state is ScoreState.CANCELED
    assert world.objects_of(asked) == []


@pytest.mark.parametrize("stage", ["inputs_of", "judge_embeddings", "save_result"])
def test_what_is_canceled_while_it_is_made_leaves_nothing_behind(
    world: World, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    world.video("gold")
    asked = world.asked(world.video("trainee"))
    do = getattr(making, stage)

    def canceled_meanwhile(*given: Any, **named: Any) -> Any:
        with world.place().transaction() as connection:
            assert Scores(connection).cancel(TENANT, asked.score_id, world.hour)
        return do(*given, **named)

    monkeypatch.setattr(making, stage, canceled_meanwhile)
    assert run(world) == Worked(canceled=1)
    assert world.now_of(asked).state is ScoreState.CANCELED
    assert world.objects_of(asked) == []


def test_what_nobody_foresaw_fails_that_score_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.video("gold")
    bad, good = (world.asked(world.video("trainee", seed=seed)) for seed in (1, 2))
    make = Making.make

    def broken(self: Making, taken: Score, prefix: str, check: Any) -> Any:
        if taken.score_id == bad.score_id:
            raise ZeroDivisionError
        return make(self, taken, prefix, check)

    monkeypatch.setattr(Making, "make", broken)
    assert run(world) == Worked(finished=1, failed=1)
    assert world.now_of(good).state is ScoreState.FINISHED
    failed = world.now_of(bad)
    assert (failed.state, failed.reason_code) == (ScoreState.FAILED, "internal")


class Killed(BaseException):
    """Stands for kill -9: nothing after it is done."""


def dying(world: World, monkeypatch: pytest.MonkeyPatch, moment: str) -> tuple[Score, str]:
    """Let a run die at a moment, and its work be given back."""
    world.video("gold")
    asked = world.asked(world.video("trainee", seed=1))
    place = world.place("dies")

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if moment == "before any object":
            patch.setattr(making, "judge_embeddings", die)
        elif moment == "before the row":
            patch.setattr(Scores, "finished", die)
        else:
            patch.setattr(scoring.Taking, "_tidy", die)
        patch.setattr(scoring, "remove_attempt", die)
        with pytest.raises(Killed):
            score(place, world.hours)
    world.given_back("dies")
    return asked, "dies"


@pytest.mark.parametrize("moment", ["before any object", "before the row", "after the row"])
def test_after_a_death_the_next_run_ends_with_one_result_and_nothing_left_over(
    world: World, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    asked, _ = dying(world, monkeypatch, moment)
    assert run(world) == ONE_FINISHED
    found = world.now_of(asked)
    assert (found.state, found.verdict) == (ScoreState.FINISHED, "pass")
    assert prefixes(world, found) == {prefix_of(found.result_key or "")}
    assert world.items_of(found) == [("finished", None)]
    assert run(world) == NOTHING


def test_what_a_dead_run_left_of_a_score_that_was_then_canceled_is_removed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, _ = dying(world, monkeypatch, "before the row")
    assert world.objects_of(asked) != []
    with world.place().transaction() as connection:
        assert Scores(connection).cancel(TENANT, asked.score_id, world.hour)
    assert run(world) == Worked(canceled=1)
    assert world.objects_of(asked) == []


def test_a_run_that_was_given_up_for_dead_and_lives_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.video("gold")
    asked = world.asked(world.video("trainee", seed=1))
    save = save_result
    overtaken: list[Worked] = []

    def slow(*given: Any) -> str:
        if not overtaken:
            overtaken.append(NOTHING)
            world.given_back("slow")
            overtaken[0] = run(world)
        return save(*given)

    monkeypatch.setattr(making, "save_result", slow)
    assert score(world.place("slow"), world.hours) == Worked(canceled=1)
    assert overtaken == [ONE_FINISHED]
    found = world.now_of(asked)
    assert found.run_id != "slow"
    assert prefixes(world, found) == {prefix_of(found.result_key or "")}
    assert world.items_of(found) == [("finished", None)]


def test_a_store_that_does_not_answer_ends_the_run_and_fails_no_score(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.video("gold")
    asked = world.asked(world.video("trainee", seed=1))

    def down(*_: Any) -> None:
        raise ObjectStoreUnavailableError("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(making, "save_result", down)
        with pytest.raises(ObjectStoreUnavailableError):
            score(world.place("unlucky"), world.hours)
    assert world.now_of(asked).state is ScoreState.STARTED
    world.given_back("unlucky")
    assert run(world) == ONE_FINISHED


def test_an_item_whose_score_is_not_there_is_settled(world: World) -> None:
    place = world.place()
    with place.transaction() as connection:
        item_id = uuid4()
        arrival = Arrival(TENANT, str(uuid4()), f"{item_id}")
        Session(connection).register(SCORE, [(item_id, arrival)], place.now(), world.hour)
    assert run(world) == Worked(canceled=1)
