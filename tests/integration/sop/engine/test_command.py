# SPDX-License-Identifier: Apache-2.0
"""`ovpo sop` as a person or a script meets it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tests.integration.cli.calling import Done, called
from tests.integration.sop.engine.conftest import OWN, Films
from tests.unit.sop.report.reading import words


def sop(*arguments: str | Path) -> Done:
    return called("sop", *map(str, arguments))


def scored(films: Films, trainee: str, *more: str | Path) -> Done:
    return sop("score", films["gold"], films[trainee], "--definition", films.definition, *more)


def strict(films: Films, folder: Path, sure: float) -> Path:
    told: dict[str, Any] = json.loads(films.definition.read_text())
    told["scoring"] = {"sure_confidence": sure}
    file = folder / "strict.json"
    file.write_text(json.dumps(told))
    return file


def test_a_good_run_passes_and_every_step_is_shown_with_its_times(films: Films) -> None:
    done = scored(films, "retake")
    assert (done.code, done.err) == (0, "")
    assert "✓ pass" in done.out
    assert "of 100 points, 80 pass" in done.out
    assert all(step.name in done.out for step in OWN.steps)
    assert done.out.count("✓ done") == len(OWN.steps)


@pytest.mark.parametrize(("sure", "code", "verdict"), [(0.0, 10, "fail"), (1.0, 11, "needs_review")])
def test_the_exit_code_says_the_verdict_and_the_json_says_why(
    films: Films, tmp_path: Path, sure: float, code: int, verdict: str
) -> None:
    done = sop("score", films["gold"], films["missing"], "--definition", strict(films, tmp_path, sure), "--json")
    assert (done.code, done.err) == (code, "")
    result = json.loads(done.out)
    assert (result["verdict"], result["schema_version"]) == (verdict, "1.0")
    assert [one["type"] for one in result["deviations"]] == ["step_missing"]


def test_deviations_and_what_they_cost_are_shown(films: Films) -> None:
    done = scored(films, "missing")
    assert "M1 step missing" in done.out
    assert f"“{OWN.steps[2].name}” is not to be seen." in done.out
    assert "lost by" in done.out


@pytest.mark.parametrize("trainee", ["unrelated", "three frames", "still", "black"])
def test_what_cannot_be_judged_exits_with_12_and_says_why(films: Films, trainee: str) -> None:
    done = scored(films, trainee)
    assert (done.code, done.err) == (12, "")
    assert "cannot judge  no score" in done.out
    assert "not found" not in done.out


def test_a_report_and_explanations_are_written(films: Films, tmp_path: Path) -> None:
    report, folder = tmp_path / "report.pdf", tmp_path / "explained"
    done = scored(films, "missing", "--report", report, "--explain", folder)
    assert done.code in {10, 11}
    assert OWN.steps[2].name in words(report.read_bytes())
    there = {file.name for file in folder.iterdir()}
    assert {"result.json", "timeline.png", "matrix.png", "evidence-01.png"} <= there
    assert str(report) in done.out.replace("\n", "")


def test_embeddings_an_adapter_and_a_calibration_are_made_and_used(films: Films, tmp_path: Path) -> None:
    made = sop("embed", films["gold"], films["retake"], "--out", tmp_path / "rows")
    assert made.code == 0
    gold, retake = (tmp_path / "rows" / f"{name}.npy" for name in ("gold", "retake"))
    assert [line.split("  ")[0] for line in made.out.splitlines()] == [str(gold), str(retake)]
    adapter = Path(sop("fit", gold, films["retake"], "--out", tmp_path / "adapters").out.strip())
    assert adapter.is_file()
    learnt = sop("calibrate", films["gold"], "--adapter", adapter, "--retake", retake)
    assert learnt.code == 0
    assert "1 retake and 4 synthetic nuisances" in learnt.out
    assert adapter.with_suffix(".calibration.json").is_file()
    done = scored(films, "retake", "--adapter", adapter, "--json")
    assert done.json["versions"] == {
        "ovpo": done.json["versions"]["ovpo"],
        "embedder": "heuristic 3",
        "adapter": adapter.stem,
        "calibration": "1 retake and 4 synthetic nuisances of the gold video",
    }


def test_mixed_embedders_cannot_be_judged(films: Films, tmp_path: Path) -> None:
    sop("embed", films["retake"], "--out", tmp_path)
    sidecar = tmp_path / "retake.json"
    sidecar.write_text(sidecar.read_text().replace('"version": "3"', '"version": "0"'))
    done = sop("score", films["gold"], tmp_path / "retake.npy", "--json")
    assert done.code == 12
    assert json.loads(done.out)["reasons"][0]["code"] == "mixed_embedders"


def test_a_file_of_another_kind_in_an_embeddings_place_is_not_replaced(films: Films, tmp_path: Path) -> None:
    beside = tmp_path / "gold.json"
    beside.write_bytes(films.definition.read_bytes())
    done = sop("embed", films["retake"], films["gold"], "--out", tmp_path)
    assert (done.code, f"{beside}: is there already" in done.line) == (1, True)
    assert [file.name for file in tmp_path.iterdir()] == ["gold.json"]
    assert beside.read_bytes() == films.definition.read_bytes()


def test_a_video_whose_name_is_no_utf8_is_scored_explained_and_embedded(films: Films, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"g\xff.mp4")
    odd.symlink_to(films["three frames"])
    done = sop("score", films["gold"], odd, "--json", "--explain", tmp_path / "explained")
    assert (done.code, done.err) == (12, "")
    assert json.loads(done.out)["trainee"]["name"] == "g\ufffd.mp4"
    odd.unlink()
    odd.symlink_to(films["retake"])
    assert sop("embed", odd, "--out", tmp_path).code == 0
    assert sop("probe", odd).code == 0


def test_rows_and_videos_are_told_apart_by_what_is_in_them(films: Films, tmp_path: Path) -> None:
    assert sop("embed", films["retake"], "--out", tmp_path).code == 0
    rows = (tmp_path / "retake.npy").rename(tmp_path / "retake.mp4")
    assert sop("fit", rows, "--out", tmp_path / "adapters").code == 0
    assert scored(films, "retake", "--json").code == 0
    assert sop("score", films["gold"], rows, "--definition", films.definition, "--quiet").code == 0
    named = tmp_path / "film.npy"
    named.symlink_to(films["gold"])
    for arguments in (("score", named, rows), ("fit", named, "--out", tmp_path)):
        done = sop(*arguments)
        assert (done.code, "film.npy: is no array of numbers" in done.line) == (1, True)


def test_a_video_is_looked_over(films: Films) -> None:
    assert "256 x 144" in sop("probe", films["gold"]).out
    assert sop("probe", films["gold"], "--json").json["codec"] == "h264"
    short = sop("probe", films["three frames"])
    assert (short.code, "too short" in short.line or "are needed" in short.line) == (1, True)


def test_what_is_printed_keeps_the_schema_that_is_printed(films: Films) -> None:
    schema = Draft202012Validator(sop("schema").json)
    for trainee in ("missing", "three frames"):
        schema.validate(json.loads(scored(films, trainee, "--json").out))


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("score", "nowhere.mp4", "GOLD"), 3, "nowhere.mp4: there is no such file"),
        (("score", "nowhere.npy", "GOLD"), 3, "nowhere.npy: there is no such file"),
        (("score", "GOLD", "nowhere.npy"), 3, "nowhere.npy: there is no such file"),
        (("fit", "nowhere.npy", "--out", "."), 3, "nowhere.npy: there is no such file"),
        (("embed", "nowhere.mp4"), 3, "nowhere.mp4: there is no such file"),
        (("probe", "nowhere.mp4"), 3, "nowhere.mp4: there is no such file"),
        (("calibrate", "nowhere.npy", "--adapter", "nowhere.npz"), 3, "make one with ovpo sop fit"),
        (("score", "GOLD", "GOLD", "--definition", "GOLD"), 2, "gold.mp4: "),
        (("score", "GOLD", "GOLD", "--definition", "nowhere.yaml"), 3, "name a definition file"),
        (("score", "GOLD", "GOLD", "--adapter", "nowhere.npz"), 3, "make one with ovpo sop fit"),
        (("score", "GOLD", "GOLD", "--model", "mine"), 2, "give --embedder vjepa2"),
        (("score", "GOLD", "GOLD", "--report", "nowhere/report.pdf"), 2, "--report: nowhere/report.pdf"),
        (("score", "GOLD", "GOLD", "--explain", "GOLD"), 1, "is a file; name a folder"),
        (("embed", "GOLD", "GOLD"), 2, "two videos are named gold"),
        (("embed", "GOLD", "--out", "GOLD"), 2, "cannot be a folder"),
        (("calibrate", "GOLD", "--adapter", "nowhere.npz"), 3, "make one with ovpo sop fit"),
    ],
)
def test_what_is_wrong_is_one_line_that_says_what_to_change(
    films: Films, arguments: tuple[str, ...], code: int, line: str
) -> None:
    gold = str(films["gold"])
    done = sop(*(gold if word == "GOLD" else word for word in arguments))
    assert (done.code, done.out) == (code, "")
    assert line in done.line


def test_every_subcommand_explains_itself_with_an_example() -> None:
    for name in ("score", "embed", "fit", "calibrate", "probe", "schema"):
        assert f"ovpo sop {name}" in sop(name, "--help").out.replace("\n", " ")
    assert "10 fail" in sop("score", "--help").out


def test_the_help_imports_nothing_heavy() -> None:
    told = "import sys; from ovpo.cli import main; main.app(['sop', '--help'], standalone_mode=False)"
    heavy = "('torch', 'cv2', 'av', 'numba', 'reportlab', 'matplotlib', 'scipy', 'numpy')"
    told += f"; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
