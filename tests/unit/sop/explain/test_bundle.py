# SPDX-License-Identifier: Apache-2.0
"""The folder of a result and its explanations."""

from pathlib import Path

import msgspec
import pytest

from ovpo.sop.errors import SopError
from ovpo.sop.explain.bundle import write_bundle
from ovpo.sop.explain.evidence import PairJson, without_pictures
from ovpo.sop.explain.matrix import MatrixJson, Similarity
from ovpo.sop.explain.pictures import Pictures, drawn
from ovpo.sop.explain.timeline import Timeline
from ovpo.sop.result import Result
from tests.unit.sop import results
from tests.unit.sop.explain.pixels import pixels


def _pictures(result: Result) -> Pictures:
    return drawn(result, Similarity(results.similarity(result), 0.25, 0.25), without_pictures(result))


@pytest.fixture(scope="module")
def flawed() -> Pictures:
    """Draw the flawed run once."""
    return _pictures(results.flawed())


def _entries(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_a_bundle_holds_the_result_and_every_picture_and_says_where(tmp_path: Path, flawed: Pictures) -> None:
    bundle = write_bundle(results.flawed(), flawed, tmp_path / "new" / "out")
    evidence = {f"evidence-{number:02d}.png" for number in range(1, 7)}
    pictures = {"timeline.png", "matrix.png"} | evidence
    assert _entries(bundle.folder) == pictures | {"result.json", "timeline.json", "matrix.json", "evidence.json"}
    assert {path.name for path in bundle.evidence_pictures} == evidence
    for name in pictures:
        assert pixels((bundle.folder / name).read_bytes()).std() > 5
    assert msgspec.json.decode(bundle.result.read_bytes(), type=Result) == results.flawed()
    assert msgspec.json.decode(bundle.timeline.read_bytes(), type=Timeline) == flawed.timeline
    assert bundle.matrix is not None
    assert msgspec.json.decode(bundle.matrix.read_bytes(), type=MatrixJson) == flawed.matrix
    listed = msgspec.json.decode(bundle.evidence.read_bytes(), type=list[PairJson])
    assert [one.picture for one in listed] == sorted(evidence)


def test_a_second_result_takes_the_place_of_the_first_whole(tmp_path: Path, flawed: Pictures) -> None:
    folder = tmp_path / "out"
    write_bundle(results.flawed(), flawed, folder)
    unjudged = results.unjudged()
    bundle = write_bundle(unjudged, drawn(unjudged, None, ()), folder)
    assert _entries(folder) == {"result.json", "timeline.json", "timeline.png", "evidence.json"}
    assert (bundle.matrix, bundle.matrix_picture, bundle.evidence_pictures) == (None, None, ())
    assert _entries(tmp_path) == {"out"}


def test_a_folder_with_anything_else_in_it_is_left_alone(tmp_path: Path, flawed: Pictures) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SopError, match=r"holds thesis\.txt; name a new folder"):
        write_bundle(results.flawed(), flawed, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_file_in_the_folders_place_is_left_alone(tmp_path: Path, flawed: Pictures) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(SopError, match="is a file"):
        write_bundle(results.flawed(), flawed, tmp_path / "out")


def test_a_failure_leaves_the_earlier_result_and_nothing_half_made(
    tmp_path: Path, flawed: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    write_bundle(results.flawed(), flawed, folder)
    before = _entries(folder)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_bundle(results.clean(), flawed, folder)
    assert _entries(folder) == before
    assert _entries(tmp_path) == {"out"}
