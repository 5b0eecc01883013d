# SPDX-License-Identifier: Apache-2.0
"""Reports: the PDF and its pictures beside the result, also where a video cannot be read any more."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.sop.encoding import encode
from bench.sop.scenes import tune
from bench.sop.scenes.takes import Size, Take
from ovpo.sop.procedures import drawing
from ovpo.sop.procedures.drawing import draw
from ovpo.sop.procedures.keeping import prefix_of
from ovpo.sop.procedures.queueing import queue_stale
from ovpo.sop.procedures.reporting import report
from ovpo.sop.procedures.scoring import score
from ovpo.sop.procedures.version import VERSION
from ovpo.sop.records.rows import Score
from ovpo.sop.working import Hours, Worked
from tests.integration.sop.procedures.world import World
from tests.unit.sop.report.reading import words

SIZE, RATE = Size(128, 72), 4.0
ONE_FINISHED = Worked(finished=1)
FAULTY = (1, 2, 4)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("films") / "shown.mp4"
    procedure = tune.procedure(5, 1, steps=2)
    encode(tune.render(Take(procedure=procedure, size=SIZE, frames_per_second=RATE)), path, SIZE, RATE)
    return path


def scored(world: World, film: Path | None, *steps: int) -> Score:
    world.video("gold", file=film)
    asked = world.asked(world.video("trainee", steps or FAULTY, seed=1, file=film))
    assert score(world.place(), world.hours) == ONE_FINISHED
    return world.now_of(asked)


def names(world: World, of: Score) -> list[str]:
    return [key.rpartition("/")[2] for key in world.objects_of(of)]


def printed(world: World, of: Score) -> str:
    return words(world.place().objects.get(world.now_of(of).report_key or ""))


def test_a_report_and_its_pictures_lie_beside_the_result(world: World, film: Path) -> None:
    found = scored(world, film)
    assert report(world.place(), world.hours) == ONE_FINISHED
    reported = world.now_of(found)
    assert reported.report_key == f"{prefix_of(found.result_key or '')}/report.pdf"
    assert names(world, found) == [
        "evidence-01.png",
        "evidence.json",
        "matrix.json",
        "matrix.npz",
        "matrix.png",
        "report.pdf",
        "result.json",
        "timeline.json",
        "timeline.png",
    ]
    text = printed(world, found)
    assert "step 3" in text
    assert "picture not available" not in text
    assert "could not be read" not in text


def test_what_has_its_report_is_left_alone(world: World) -> None:
    scored(world, None)
    report(world.place(), world.hours)
    assert report(world.place(), world.hours) == Worked()


def test_a_report_of_videos_that_cannot_be_read_says_so_and_has_everything_else(world: World) -> None:
    found = scored(world, None, 1, 2, 3, 3, 4)
    assert report(world.place(), world.hours) == ONE_FINISHED
    text = printed(world, found)
    assert "The gold and the trainee's video could not be read any more" in text
    assert "picture not available" in text
    assert "evidence-01.png" in names(world, found)


def test_only_the_pictures_of_the_video_that_is_gone_are_missing(world: World, film: Path) -> None:
    found = scored(world, film, 1, 2, 3, 3, 4)
    world.place().objects.delete(world.found_video(found.trainee_id).source_key or "")
    assert report(world.place(), world.hours) == ONE_FINISHED
    text = printed(world, found)
    assert "The trainee's video could not be read any more" in text


def test_what_could_not_be_judged_has_a_report_too(world: World) -> None:
    found = scored(world, None, 11, 12, 13, 14)
    assert found.verdict == "cannot_judge"
    assert report(world.place(), world.hours) == ONE_FINISHED
    assert "CANNOT JUDGE" in printed(world, found)


def test_a_report_that_fails_keeps_none_of_the_others_and_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = scored(world, None)
    second = world.asked(world.video("trainee", seed=2))
    score(world.place(), world.hours)

    def broken(copies: Any, key: str, *videos: Any) -> str:
        if key == first.result_key:
            raise ZeroDivisionError
        return draw(copies, key, *videos)

    with monkeypatch.context() as patch:
        patch.setattr(drawing, "draw", broken)
        assert report(world.place(), world.hours) == Worked(finished=1, failed=1)
    assert world.now_of(second).report_key is not None
    assert report(world.place(), world.hours) == ONE_FINISHED
    assert world.now_of(first).report_key is not None


def test_the_report_of_a_result_that_was_replaced_meanwhile_leaves_nothing_behind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = scored(world, None)

    def overtaken(*given: Any) -> str:
        key = draw(*given)
        gold = world.video("gold", seed=5)
        world.refer_to(gold.video_id)
        assert score(world.place(), world.hours) == ONE_FINISHED
        world.place().objects.put(key, b"came after the former result was removed")
        return key

    with monkeypatch.context() as patch:
        patch.setattr(drawing, "draw", overtaken)
        assert report(world.place(), world.hours) == Worked()
    anew = world.now_of(found)
    assert anew.report_key is None
    assert {prefix_of(key) for key in world.objects_of(anew)} == {prefix_of(anew.result_key or "")}
    assert report(world.place(), world.hours) == ONE_FINISHED


def test_a_result_that_is_to_be_replaced_stays_whole_until_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    found = scored(world, None)

    def queued_anew(*given: Any) -> str:
        key = draw(*given)
        world.refer_to(world.video("gold", seed=5).video_id)
        with world.place().transaction() as connection:
            assert queue_stale(connection, world.hours, VERSION, world.hour) == 1
        return key

    monkeypatch.setattr(drawing, "draw", queued_anew)
    assert report(world.place(), world.hours) == ONE_FINISHED
    queued = world.now_of(found)
    assert (queued.state, queued.result_key) == ("queued", found.result_key)
    assert {"result.json", "report.pdf"} <= set(names(world, found))


def test_a_report_is_of_the_windows_that_were_asked_for(world: World) -> None:
    scored(world, None)
    later = world.hour + timedelta(hours=1)
    assert report(world.place(), Hours(later, later)) == Worked()
