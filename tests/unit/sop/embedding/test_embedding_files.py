# SPDX-License-Identifier: Apache-2.0
"""Embeddings as files: what is saved is loaded, and whatever is not a whole pair is refused by name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from ovpo.sop import embedding_files
from ovpo.sop.embedding import Embedding
from ovpo.sop.embedding_files import is_stored, load, refuse_to_replace, save
from ovpo.sop.errors import EmbeddingError
from tests.unit.sop.embedding.building import embedding, some_rows


def refusal(path: Path) -> EmbeddingError:
    with pytest.raises(EmbeddingError) as caught:
        load(path)
    return caught.value


def change_sidecar(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def test_what_was_saved_is_loaded_and_the_rows_stay_on_disk(tmp_path: Path) -> None:
    rows = some_rows(7, seed=1)
    rows[3] = 0
    given = embedding(rows, adapter="feature_adapter_x")
    path = save(tmp_path / "run one.mp4", given)
    loaded = load(path)
    assert path == tmp_path / "run one.mp4.npy"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["run one.mp4.json", "run one.mp4.npy"]
    assert np.array_equal(loaded.rows, rows)
    assert loaded.sidecar == given.sidecar
    assert isinstance(loaded.rows, np.memmap)
    assert not loaded.rows.flags.writeable


def test_the_name_may_be_given_with_and_without_the_suffix(tmp_path: Path) -> None:
    save(tmp_path / "a.npy", embedding(some_rows(3, seed=1)))
    assert np.array_equal(load(tmp_path / "a").rows, load(tmp_path / "a.npy").rows)


def test_a_second_save_replaces_the_first_while_a_reader_keeps_what_it_has(tmp_path: Path) -> None:
    first, second = embedding(some_rows(4, seed=1)), embedding(some_rows(6, seed=2))
    held = load(save(tmp_path / "a", first))
    save(tmp_path / "a", second)
    assert np.array_equal(held.rows, first.rows)
    assert np.array_equal(load(tmp_path / "a").rows, second.rows)


@pytest.mark.parametrize(
    ("spoil", "code", "word"),
    [
        (lambda rows: np.where(np.arange(len(rows))[:, None] == 1, np.nan, rows), "not_finite", "finite"),
        (lambda rows: rows * np.float32(1.01), "not_unit_length", "row 0"),
        (lambda rows: rows.astype(np.float64), "bad_rows", "float64"),
        (lambda rows: rows[:-1], "bad_shape", "shape"),
        (lambda rows: rows[:, :-1], "bad_shape", "shape"),
    ],
)
def test_rows_that_could_not_be_read_again_are_not_written(
    tmp_path: Path, spoil: Callable[[Any], Any], code: str, word: str
) -> None:
    given = embedding(some_rows(5, seed=1))
    with pytest.raises(EmbeddingError, match=word) as caught:
        save(tmp_path / "a", Embedding(spoil(given.rows), given.sidecar))
    assert caught.value.code == code
    assert not list(tmp_path.iterdir())


def test_an_embedding_without_rows_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match="at least one row"):
        save(tmp_path / "a", embedding(some_rows(0, seed=1)))


def test_rows_that_are_not_those_of_the_sidecar_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "a", embedding(some_rows(5, seed=1)))
    np.save(tmp_path / "a.npy", some_rows(5, seed=2))
    assert refusal(tmp_path / "a").code == "not_a_pair"
    np.save(tmp_path / "a.npy", some_rows(4, seed=1))
    assert refusal(tmp_path / "a").code == "not_a_pair"


def test_a_reader_that_comes_between_the_two_halves_of_a_replacement_reads_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = embedding(some_rows(5, seed=1)), embedding(some_rows(6, seed=2))
    save(tmp_path / "a", old)
    read_rows, arrived = embedding_files._read_rows, list[Path]()

    def replaced_meanwhile(file: Path) -> Any:
        if not arrived:
            arrived.append(save(tmp_path / "a", new))
        return read_rows(file)

    monkeypatch.setattr(embedding_files, "_read_rows", replaced_meanwhile)
    assert np.array_equal(load(tmp_path / "a").rows, new.rows)


@pytest.mark.parametrize("array", [np.zeros((5, 12)), np.array([{"an": "object"}], dtype=object)])
def test_other_numbers_and_objects_are_refused(tmp_path: Path, array: Any) -> None:
    save(tmp_path / "a", embedding(some_rows(5, seed=1)))
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    assert refusal(tmp_path / "a").code == "bad_rows"


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00"])
def test_a_file_that_is_no_array_is_refused(tmp_path: Path, content: bytes) -> None:
    save(tmp_path / "a", embedding(some_rows(5, seed=1)))
    (tmp_path / "a.npy").write_bytes(content)
    assert refusal(tmp_path / "a").code == "bad_rows"


def test_rows_that_are_cut_short_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a", embedding(some_rows(5, seed=1)))
    path.write_bytes(path.read_bytes()[:-8])
    assert refusal(path).code == "bad_rows"


def test_rows_without_a_sidecar_are_refused_by_its_name(tmp_path: Path) -> None:
    save(tmp_path / "a", embedding(some_rows(5, seed=1)))
    (tmp_path / "a.json").unlink()
    error = refusal(tmp_path / "a")
    assert error.code == "no_sidecar"
    assert "a.json" in str(error)


def test_a_sidecar_of_another_schema_is_refused_even_if_it_looks_quite_different(tmp_path: Path) -> None:
    save(tmp_path / "a", embedding(some_rows(5, seed=1)))
    (tmp_path / "a.json").write_text('{"schema_version": "2.0"}')
    assert refusal(tmp_path / "a").code == "schema_version"


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values["sidecar"].pop("maker"),
        lambda values: values["sidecar"]["brightness"].pop(),
        lambda values: values["sidecar"].update(presence=[0.1, 0.2]),
        lambda values: values.update(shape="5 by 12"),
        lambda values: values.pop("schema_version"),
    ],
)
def test_a_sidecar_that_lacks_something_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    save(tmp_path / "a", embedding(some_rows(5, seed=1)))
    change_sidecar(tmp_path / "a.json", change)
    assert refusal(tmp_path / "a").code == "bad_sidecar"


def test_a_sidecar_whose_video_has_another_number_of_clips_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "a", embedding(some_rows(5, seed=1)))
    change_sidecar(tmp_path / "a.json", lambda values: values["sidecar"]["video"].update(clips=6))
    assert refusal(tmp_path / "a").code == "bad_shape"


def test_brightness_that_is_no_number_is_not_written(tmp_path: Path) -> None:
    given = embedding(some_rows(2, seed=1))
    with pytest.raises(EmbeddingError, match="brightness"):
        save(tmp_path / "a", Embedding(given.rows, msgspec.structs.replace(given.sidecar, brightness=(0.5, np.nan))))


@pytest.mark.parametrize(
    "content",
    [
        b'{"task": "a", "steps": [{"name": "b"}]}',
        b'{"schema_version": "1.0", "npz_sha256": "0", "record": {}}',
        b"[1, 2]",
        b"\xff",
        b"",
    ],
)
def test_a_file_of_somebody_else_in_the_sidecars_place_is_not_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "gold.json").write_bytes(content)
    for refuse in (lambda path: save(path, embedding(some_rows(3, seed=1))), refuse_to_replace):
        with pytest.raises(EmbeddingError, match=r"gold\.json: is there already.*; move it, or") as caught:
            refuse(tmp_path / "gold.npy")
        assert caught.value.code == "already_there"
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"gold.json": content}


def test_rows_of_somebody_else_are_not_replaced(tmp_path: Path) -> None:
    np.save(tmp_path / "gold.npy", np.arange(3))
    for refuse in (lambda path: save(path, embedding(some_rows(3, seed=1))), refuse_to_replace):
        with pytest.raises(EmbeddingError, match=r"gold\.npy: is there already without gold\.json; move it, or"):
            refuse(tmp_path / "gold.npy")
    assert np.array_equal(np.load(tmp_path / "gold.npy"), np.arange(3))


def test_a_sidecar_of_another_version_may_be_replaced(tmp_path: Path) -> None:
    save(tmp_path / "a", embedding(some_rows(5, seed=1)))
    change_sidecar(
        tmp_path / "a.json", lambda values: (values.update(schema_version="0.1"), values["sidecar"].pop("maker"))
    )
    second = embedding(some_rows(6, seed=2))
    save(tmp_path / "a", second)
    assert np.array_equal(load(tmp_path / "a").rows, second.rows)


def test_what_cannot_be_written_as_json_leaves_no_rows_behind(tmp_path: Path) -> None:
    given = embedding(some_rows(3, seed=1), name="a.mp4")
    video = msgspec.structs.replace(given.sidecar.video, name="g\udcff.mp4")
    with pytest.raises(UnicodeEncodeError):
        save(tmp_path / "a", Embedding(given.rows, msgspec.structs.replace(given.sidecar, video=video)))
    assert not list(tmp_path.iterdir())


def test_a_sidecar_for_which_there_is_no_room_leaves_no_rows_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(_: bytes) -> bytes:
        raise OSError("no space left")

    monkeypatch.setattr(msgspec.json, "format", no_room)
    with pytest.raises(EmbeddingError, match="no space left"):
        save(tmp_path / "a", embedding(some_rows(3, seed=1)))
    assert not list(tmp_path.iterdir())


def test_rows_are_known_by_their_content_and_read_under_any_name(tmp_path: Path) -> None:
    given = embedding(some_rows(5, seed=1))
    for name in ("a.NPY", "a.rows", "a"):
        path = save(tmp_path / "a", given).rename(tmp_path / name)
        assert is_stored(path)
        assert np.array_equal(load(path).rows, given.rows)
        path.rename(tmp_path / "a.npy")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\0\0\0\x18ftypisom"])
def test_a_file_that_only_its_name_calls_an_array_is_refused_for_what_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    assert is_stored(path)
    error = refusal(path)
    assert error.code == "bad_rows"
    assert "a.npy: is no array of numbers, whatever its name says" in str(error)


def test_a_video_is_not_stored_and_what_is_no_file_neither(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypisom")
    assert not any(is_stored(path) for path in (tmp_path / "a.mp4", tmp_path / "none.mp4", tmp_path))


def test_rows_that_are_not_there_are_called_missing_by_their_own_name(tmp_path: Path) -> None:
    error = refusal(tmp_path / "none.npy")
    assert (error.code, str(error).split(";")[0]) == ("missing", f"{tmp_path}/none.npy: there is no such file")
    (tmp_path / "folder.npy").mkdir()
    assert refusal(tmp_path / "folder.npy").code == "bad_rows"


def test_a_folder_that_is_not_there_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match="nowhere") as caught:
        save(tmp_path / "nowhere" / "a", embedding(some_rows(2, seed=1)))
    assert caught.value.code == "cannot_write"


def test_a_save_that_breaks_off_leaves_the_old_pair_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = embedding(some_rows(5, seed=1))
    save(tmp_path / "a", old)

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(EmbeddingError, match="no space left"):
        save(tmp_path / "a", embedding(some_rows(6, seed=2)))
    assert len(list(tmp_path.iterdir())) == 2
    assert np.array_equal(load(tmp_path / "a").rows, old.rows)
