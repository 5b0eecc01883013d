# SPDX-License-Identifier: Apache-2.0
"""The model's files: found, or refused by name; loaded whole and exactly, or refused."""

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ovpo.sop.embedders.vjepa2 import weights
from ovpo.sop.embedders.vjepa2.options import DEFAULT_MODEL
from ovpo.sop.embedders.vjepa2.weights import find, load
from ovpo.sop.errors import EmbeddingError
from tests.unit.sop.vjepa2.building import saved


@pytest.fixture
def copy(checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint, tmp_path / "copy"))


def refusal(folder: Path) -> EmbeddingError:
    with pytest.raises(EmbeddingError) as caught:
        load(folder)
    return caught.value


def tensors(folder: Path) -> dict[str, Tensor]:
    return load_file(folder / "model.safetensors")


def test_weights_in_several_files_are_the_same_weights(checkpoint: Path, copy: Path) -> None:
    state = tensors(copy)
    names = sorted(state)
    parts = {"a.safetensors": names[:20], "b.safetensors": names[20:]}
    for name, keys in parts.items():
        save_file({key: state[key] for key in keys}, copy / name)
    index = {"weight_map": {key: name for name, keys in parts.items() for key in keys}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    (copy / "model.safetensors").unlink()
    assert load(copy).digest == load(checkpoint).digest


def test_half_precision_weights_are_run_in_float32(copy: Path) -> None:
    save_file({key: value.half() for key, value in tensors(copy).items()}, copy / "model.safetensors")
    assert {value.dtype for value in load(copy).encoder.state_dict().values()} == {torch.float32}


def test_a_missing_weight_is_named(copy: Path) -> None:
    state = tensors(copy)
    del state["encoder.layernorm.weight"]
    save_file(state, copy / "model.safetensors")
    error = refusal(copy)
    assert error.code == "bad_weights"
    assert "lack encoder.layernorm.weight" in str(error)


def test_a_weight_too_many_is_named(copy: Path) -> None:
    save_file({**tensors(copy), "classifier.weight": torch.zeros(2)}, copy / "model.safetensors")
    assert "classifier.weight" in str(refusal(copy))


def test_weights_of_another_size_of_the_model_are_refused(copy: Path, tmp_path: Path) -> None:
    other = saved(tmp_path / "other", mlp_ratio=2.0)
    shutil.copy(other / "model.safetensors", copy)
    error = refusal(copy)
    assert error.code == "bad_weights"
    assert "another shape" in str(error)


@pytest.mark.parametrize("content", [b"", b"not weights at all", b"\xff" * 64])
def test_a_file_that_holds_no_weights_is_refused(copy: Path, content: bytes) -> None:
    (copy / "model.safetensors").write_bytes(content)
    assert refusal(copy).code == "bad_weights"


def test_weights_that_are_cut_short_are_refused(copy: Path) -> None:
    content = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(content[: len(content) // 2])
    assert refusal(copy).code == "bad_weights"


class Hostile:
    """What would touch a file if it were unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


def test_pickled_weights_run_no_code(copy: Path, tmp_path: Path) -> None:
    (copy / "model.safetensors").unlink()
    mark = tmp_path / "mark"
    given, file = {"encoder.layernorm.weight": Hostile(mark)}, copy / "pytorch_model.bin"
    torch.save(given, file)
    assert refusal(copy).code == "bad_weights"
    file.write_bytes(pickle.dumps(given, protocol=2))
    assert refusal(copy).code == "bad_weights"
    assert not mark.exists()


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}])
def test_a_pickle_of_something_else_is_refused(copy: Path, content: object) -> None:
    (copy / "model.safetensors").unlink()
    torch.save(content, copy / "pytorch_model.bin")
    assert refusal(copy).code == "bad_weights"


def test_a_folder_without_weights_is_refused(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    assert refusal(copy).code == "bad_weights"


def test_an_index_that_leads_out_of_the_folder_is_not_followed(copy: Path, tmp_path: Path) -> None:
    shutil.move(copy / "model.safetensors", tmp_path / "model.safetensors")
    index = {"weight_map": {"encoder.layernorm.weight": "../model.safetensors"}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    assert refusal(copy).code == "bad_weights"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"model_type": "bert"}',
        '{"model_type": "vjepa2", "hidden_size": "wide"}',
        '{"model_type": "vjepa2", "crop_size": 65}',
        '{"model_type": "vjepa2", "patch_size": [16, 16]}',
        '{"model_type": "vjepa2", "hidden_size": 10, "num_attention_heads": 3}',
        '{"model_type": "vjepa2", "patch_size": 0}',
    ],
)
def test_a_configuration_of_something_else_is_refused(copy: Path, content: str) -> None:
    (copy / "config.json").write_text(content)
    assert refusal(copy).code == "bad_config"


def test_a_folder_without_configuration_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path)
    assert error.code == "bad_config"
    assert "config.json" in str(error)


def test_a_folder_is_found_and_no_hub_is_asked(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "snapshot_download", None)
    assert find(str(checkpoint), None) == checkpoint


def test_a_name_is_fetched_from_the_hub_at_its_revision(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(name: str, **options: Any) -> str:
        asked.append((name, options["revision"]))
        assert not any(pattern.endswith((".bin", ".pt", ".py", "*")) for pattern in options["allow_patterns"])
        return str(checkpoint)

    monkeypatch.setattr(weights, "snapshot_download", download)
    assert find(DEFAULT_MODEL, "abc") == checkpoint
    assert asked == [(DEFAULT_MODEL, "abc")]


def test_a_hub_that_does_not_answer_is_an_error_that_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(*_: object, **__: object) -> str:
        raise ConnectionError("no route")

    monkeypatch.setattr(weights, "snapshot_download", download)
    with pytest.raises(EmbeddingError, match="give a folder") as caught:
        find(DEFAULT_MODEL, None)
    assert caught.value.code == "no_model"


def test_what_is_neither_a_folder_nor_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match="neither a folder") as caught:
        find(str(tmp_path / "nowhere"), None)
    assert caught.value.code == "no_model"
