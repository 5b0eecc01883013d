# SPDX-License-Identifier: Apache-2.0
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import structs

from ovpo.sop.adapters import files as adapters
from ovpo.sop.adapters.adapter import Adapter
from ovpo.sop.adapters.fitting import fit
from ovpo.sop.calibration import files
from ovpo.sop.calibration.calibration import DEFAULT
from ovpo.sop.errors import AdapterError
from tests.unit.sop.embedding.building import embedding, some_rows

LEARNT = structs.replace(DEFAULT, learnt_from="3 retakes", pairs=3, usual=0.9)
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.fixture
def adapter() -> Adapter:
    return fit([embedding(some_rows(40, 1))], now=NOW, id="abcd1234")


def test_a_calibration_stands_beside_its_adapter_and_is_read_again(tmp_path: Path, adapter: Adapter) -> None:
    beside = adapters.save(tmp_path, adapter)
    file = files.save(tmp_path, adapter, LEARNT)
    assert file.name == "feature_adapter_20260304T050607Z_abcd1234.calibration.json"
    assert file == files.path_of(beside)
    assert files.load(file, adapter) == LEARNT
    assert adapters.load(beside).record == adapter.record


def test_a_newer_calibration_takes_the_place_of_the_older(tmp_path: Path, adapter: Adapter) -> None:
    files.save(tmp_path, adapter, DEFAULT)
    file = files.save(tmp_path, adapter, LEARNT)
    assert files.load(file, adapter) == LEARNT
    assert [one.name for one in tmp_path.iterdir()] == [file.name]


def test_a_calibration_for_another_adapter_is_refused(tmp_path: Path, adapter: Adapter) -> None:
    file = files.save(tmp_path, adapter, LEARNT)
    other = fit([embedding(some_rows(40, 1))], now=NOW, id="other123")
    with pytest.raises(AdapterError, match=r"abcd1234, not .*other123") as caught:
        files.load(file, other)
    assert caught.value.code == "other_adapter"


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("schema_version",), "2.0", "schema_version"),
        (("calibration", "same"), 1.5, "bad_calibration"),
        (("calibration", "width"), 0, "bad_calibration"),
        (("calibration", "usual"), "high", "bad_calibration"),
        (("calibration", "learnt_from"), "", "bad_calibration"),
        (("more",), 1, "bad_calibration"),
    ],
)
def test_what_is_no_calibration_is_refused(
    tmp_path: Path, adapter: Adapter, path: tuple[str, ...], value: object, code: str
) -> None:
    file = files.save(tmp_path, adapter, LEARNT)
    stored = json.loads(file.read_text())
    within = stored if len(path) == 1 else stored[path[0]]
    within[path[-1]] = value
    file.write_text(json.dumps(stored))
    with pytest.raises(AdapterError, match=r"calibration\.json") as caught:
        files.load(file, adapter)
    assert caught.value.code == code


def test_a_calibration_that_is_not_there_says_how_to_make_it(tmp_path: Path, adapter: Adapter) -> None:
    with pytest.raises(AdapterError, match="run ovpo sop calibrate"):
        files.load(tmp_path / "none.calibration.json", adapter)


def test_numbers_out_of_range_are_not_written(tmp_path: Path, adapter: Adapter) -> None:
    with pytest.raises(AdapterError, match="lowest is nan"):
        files.save(tmp_path, adapter, structs.replace(LEARNT, lowest=float("nan")))
    assert not list(tmp_path.iterdir())
