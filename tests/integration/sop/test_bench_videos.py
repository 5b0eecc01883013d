# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

import av
import pytest

from bench.sop import __main__ as entry
from bench.sop.encoding import encode
from bench.sop.pairs import Kind, Pair
from bench.sop.rendering import files, render_all, truth_of
from bench.sop.running import judge_one
from bench.sop.scenes import tune
from bench.sop.scenes.script import truth
from bench.sop.scenes.takes import FaultPlan, Procedure, Size, Take
from ovpo.sop.definitions.reading import load
from ovpo.sop.errors import VideoError
from ovpo.sop.result import DeviationType, Result

SMALL = Size(96, 64)


def small_pair() -> Pair:
    own = tune.procedure(5, 1, steps=4)
    left_out = (FaultPlan(type=DeviationType.STEP_MISSING, step=2),)
    gold = Take(procedure=own, size=SMALL, frames_per_second=4.0)
    trainee = Take(procedure=own, person=1, faults=left_out, size=SMALL, frames_per_second=4.0)
    return Pair(name="000-fault", generator="tune", kind=Kind.FAULT, gold=gold, trainee=trainee)


def cannot_read(gold: Path, trainee: Path, definition: Path | None) -> Result:
    raise VideoError("unreadable", f"{trainee.name} is no video")


def falls_over(gold: Path, trainee: Path, definition: Path | None) -> Result:
    raise ZeroDivisionError


@pytest.mark.parametrize(("rate", "variable"), [(24000 / 1001, False), (10.0, True)])
def test_a_file_shows_each_frame_at_its_time(tmp_path: Path, rate: float, variable: bool) -> None:
    own: Procedure = tune.procedure(5, 1, steps=4)
    take = Take(procedure=own, person=1, size=SMALL, frames_per_second=rate, variable=variable)
    frames = list(tune.render(take))
    path = tmp_path / "take.mp4"
    assert encode(frames, path, take.size, rate) == len(frames)
    with av.open(str(path)) as container:
        shown = [frame.time for frame in container.decode(video=0)]
    assert shown == pytest.approx([frame.seconds for frame in frames], abs=1e-4)


def test_videos_are_rendered_once_with_a_definition_that_can_be_read(tmp_path: Path) -> None:
    pair = small_pair()
    said: list[tuple[int, int]] = []
    render_all([pair], tmp_path, lambda done, of: said.append((done, of)))
    there = files(pair, tmp_path)
    before = there.trainee.stat().st_mtime_ns
    render_all([pair], tmp_path, lambda done, of: said.append((done, of)))
    assert said == [(0, 2), (1, 2), (2, 2), (2, 2)]
    assert there.trainee.stat().st_mtime_ns == before
    assert [step.name for step in load(there.definition).steps] == [step.name for step in pair.gold.procedure.steps]
    (told,) = truth_of([pair], tmp_path)
    assert told["trainee"] == there.trainee.name
    with av.open(str(there.trainee)) as container:
        assert container.duration is not None
        assert container.duration / 1e6 == pytest.approx(truth(pair.trainee).seconds, abs=0.3)


@pytest.mark.parametrize(("engine", "said"), [("cannot_read", "unreadable:"), ("falls_over", "ZeroDivisionError")])
def test_what_the_engine_raises_is_kept_with_the_pair(tmp_path: Path, engine: str, said: str) -> None:
    judged = judge_one(small_pair(), tmp_path, f"{__name__}:{engine}", found_steps=False)
    assert judged.verdict == "error"
    assert said in judged.error
    assert len(judged.truths) == 1


def test_the_benchmark_says_by_its_exit_code_that_goals_were_missed_and_keeps_each_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(entry, "pairs", lambda *_: [small_pair()])
    monkeypatch.setattr(entry, "cache", lambda: tmp_path / "videos")
    kept = tmp_path / "kept.json"
    words = ["--engine", f"{__name__}:cannot_read", "--json", str(kept), "--worst", "1", "--only", "step_missing"]
    assert entry.main(words) == 1
    said = capsys.readouterr().out
    assert "MISSED step_missing (2,)" in said
    assert "unreadable: " in said
    told = json.loads(kept.read_text())
    assert [one["pair"] for one in told["pairs"]] == ["000-fault"]
    assert Path(told["pairs"][0]["files"]["trainee"]).exists()
    assert told["pairs"][0]["truths"][0]["type"] == "step_missing"
