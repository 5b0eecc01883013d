# SPDX-License-Identifier: Apache-2.0
"""Adapters as files: versions that never change and strict reading."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ovpo.sop.adapters.adapter import Adapter
from ovpo.sop.adapters.files import load, save
from ovpo.sop.adapters.fitting import fit
from ovpo.sop.errors import AdapterError
from tests.unit.sop.embedding.building import DIMS, embedding, some_rows

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def adapter() -> Adapter:
    return fit([embedding(some_rows(40, seed=1))], now=NOW, id="abcd")


def rewrite(file: Path, change: Callable[[dict[str, Any]], object] = lambda _: None, **arrays: Any) -> None:
    """Spoil a saved adapter as one who also knows of its digest would."""
    if arrays:
        np.savez(file, allow_pickle=True, **arrays)
    sidecar = file.with_suffix(".json")
    values = json.loads(sidecar.read_text())
    values["npz_sha256"] = sha256(file.read_bytes()).hexdigest()
    change(values)
    sidecar.write_text(json.dumps(values))


def code_of(file: Path) -> str:
    with pytest.raises(AdapterError) as caught:
        load(file)
    return caught.value.code


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    given = adapter()
    file = save(tmp_path / "new folder", given)
    loaded = load(file)
    assert file.name == "feature_adapter_20260304T000000Z_abcd.npz"
    assert np.array_equal(loaded.mean, given.mean)
    assert np.array_equal(loaded.std, given.std)
    assert loaded.record == given.record
    assert len(list(file.parent.iterdir())) == 2


def test_a_version_is_never_overwritten(tmp_path: Path) -> None:
    file = save(tmp_path, adapter())
    before = file.read_bytes(), file.with_suffix(".json").read_bytes()
    with pytest.raises(AdapterError) as caught:
        save(tmp_path, replace(adapter(), mean=np.ones(DIMS)))
    assert caught.value.code == "already_there"
    assert (file.read_bytes(), file.with_suffix(".json").read_bytes()) == before
    assert len(list(tmp_path.iterdir())) == 2


def test_a_damaged_sidecar_is_refused(tmp_path: Path) -> None:
    file = save(tmp_path, adapter())
    file.with_suffix(".json").write_text("{")
    assert code_of(file) == "bad_sidecar"


def test_statistics_that_were_exchanged_are_refused(tmp_path: Path) -> None:
    file = save(tmp_path, adapter())
    np.savez(file, mean=np.zeros(DIMS), std=np.ones(DIMS))
    assert code_of(file) == "changed"


@pytest.mark.parametrize(
    "arrays",
    [
        {"mean": np.zeros(DIMS), "std": np.zeros(DIMS)},
        {"mean": np.zeros(DIMS), "std": -np.ones(DIMS)},
        {"mean": np.full(DIMS, np.nan), "std": np.ones(DIMS)},
        {"mean": np.zeros(DIMS), "std": np.full(DIMS, np.inf)},
        {"mean": np.zeros(DIMS - 1), "std": np.ones(DIMS)},
        {"mean": np.zeros(DIMS), "std": np.ones((DIMS, 1))},
        {"mean": np.zeros(DIMS, dtype=np.int64), "std": np.ones(DIMS)},
        {"mean": np.zeros(DIMS)},
        {"mean": np.zeros(DIMS), "std": np.ones(DIMS), "more": np.ones(1)},
        {"mean": np.zeros(DIMS), "std": np.array([{"an": "object"}] * DIMS, dtype=object)},
    ],
)
def test_statistics_that_cannot_be_used_are_refused(tmp_path: Path, arrays: dict[str, Any]) -> None:
    file = save(tmp_path, adapter())
    rewrite(file, **arrays)
    assert code_of(file) == "bad_adapter"


def test_a_file_that_is_not_there_is_called_missing(tmp_path: Path) -> None:
    file = save(tmp_path, adapter())
    file.unlink()
    assert code_of(file) == "missing"
    with pytest.raises(AdapterError, match=r"nowhere\.npz: there is no such file; make one with ovpo sop fit"):
        load(tmp_path / "nowhere.npz")
    (tmp_path / "folder.npz").mkdir()
    assert code_of(tmp_path / "folder.npz") == "bad_adapter"


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    file = save(tmp_path, adapter())
    for content in (b"", b"PK\x03\x04 but no archive"):
        file.write_bytes(content)
        rewrite(file)
        assert code_of(file) == "bad_adapter"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda values: values.update(schema_version="2.0"), "schema_version"),
        (lambda values: values["record"].pop("trained_on"), "bad_sidecar"),
        (lambda values: values["record"].update(trained_on=[]), "not_gold"),
        (lambda values: values["record"]["trained_on"][0].update(role="trainee"), "not_gold"),
        (lambda values: values["record"].update(name="feature_adapter_20200101T000000Z_abcd"), "bad_name"),
        (lambda values: values["record"]["shrinking"].update(eps=0.0), "bad_adapter"),
    ],
)
def test_a_sidecar_that_does_not_belong_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], code: str
) -> None:
    file = save(tmp_path, adapter())
    rewrite(file, change)
    assert code_of(file) == code


def test_statistics_without_a_sidecar_are_refused(tmp_path: Path) -> None:
    file = save(tmp_path, adapter())
    file.with_suffix(".json").unlink()
    assert code_of(file) == "no_sidecar"


def test_an_adapter_that_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match="std"):
        save(tmp_path, replace(adapter(), std=np.zeros(DIMS)))
    assert not list(tmp_path.iterdir())
