# SPDX-License-Identifier: Apache-2.0
"""The files of a model: found in a folder or on the hub, and loaded strictly: too many or too few are an error."""

import json
import pickle
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import VJEPA2Config, VJEPA2Model

from ovpo.sop.errors import EmbeddingError

HUB_NAME: Final = re.compile(r"[\w.-]+/[\w.-]+")
HUB_FILES: Final = ["config.json", "*.safetensors", "*.safetensors.index.json"]
SHAPING: Final = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "crop_size",
    "patch_size",
    "tubelet_size",
    "hidden_act",
    "layer_norm_eps",
)
"""What of the configuration changes the rows, beside the weights."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """An encoder on the CPU in float32, and the digest that tells it from every other."""

    encoder: nn.Module
    config: VJEPA2Config
    digest: str


def find(model: str, revision: str | None) -> Path:
    """Give the folder of a model: its own, or the one that the hub's files are kept in."""
    if Path(model).is_dir():
        return Path(model)
    if not HUB_NAME.fullmatch(model):
        raise EmbeddingError(
            "no_model",
            f"model: {model} is neither a folder nor a name on the hub; give one with config.json and weights",
        )
    try:
        return Path(snapshot_download(model, revision=revision, allow_patterns=HUB_FILES))
    except (OSError, ValueError) as error:
        raise EmbeddingError(
            "no_model",
            f"model: {model} is no folder and cannot be had from the hub ({_short(error)}); "
            "check the name and the network, or give a folder with config.json and weights",
        ) from error


def load(folder: Path) -> Loaded:
    """Load encoder and configuration; the predictor's weights must be there and are given up again."""
    model = _empty(folder / "config.json")
    _fill(model, folder)
    encoder = model.encoder.float().eval().requires_grad_(requires_grad=False)
    return Loaded(encoder, model.config, _digest(encoder, model.config))


def _empty(file: Path) -> VJEPA2Model:
    try:
        config = _config(json.loads(file.read_text(encoding="utf-8")))
        with torch.device("meta"):
            return VJEPA2Model(config)
    except (OSError, ValueError, TypeError, RuntimeError, StrictDataclassError) as error:
        raise EmbeddingError(
            "bad_config", f"{file}: is no configuration of a vjepa2 model ({_short(error)}); fetch the model again"
        ) from error


def _config(values: Any) -> VJEPA2Config:
    kind = values.get("model_type") if isinstance(values, dict) else None
    if kind != "vjepa2":
        raise ValueError(f"model_type is {kind!r}, not 'vjepa2'")
    config = VJEPA2Config(**{name: value for name, value in values.items() if name != "model_type"})
    if not isinstance(config.patch_size, int) or config.patch_size < 1 or config.crop_size % config.patch_size:
        raise ValueError(f"patch_size {config.patch_size} does not divide crop_size {config.crop_size}")
    return config


def _fill(model: VJEPA2Model, folder: Path) -> None:
    try:
        state = _state(folder)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, pickle.UnpicklingError) as error:
        raise EmbeddingError(
            "bad_weights", f"{folder}: the weights cannot be read ({_short(error)}); fetch the model again"
        ) from error
    expected = model.state_dict()
    missing, unexpected = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    misshapen = sorted(key for key in expected.keys() & state.keys() if expected[key].shape != state[key].shape)
    for what, keys in (("lack", missing), ("hold the unknown", unexpected), ("have another shape for", misshapen)):
        if keys:
            raise EmbeddingError(
                "bad_weights",
                f"{folder}: the weights {what} {keys[0]} and {len(keys) - 1} more; "
                "give the folder of a VJEPA2Model whose weights belong to its config.json",
            )
    model.load_state_dict(state, strict=True, assign=True)


def _state(folder: Path) -> dict[str, Tensor]:
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        return {key: value for name in names for key, value in load_file(folder / Path(name).name).items()}
    pickled = folder / "pytorch_model.bin"
    if pickled.is_file() and not (folder / "model.safetensors").is_file():
        state: Any = torch.load(pickled, map_location="cpu", weights_only=True)
        if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
            raise ValueError(f"{pickled.name} is no dictionary of tensors")
        return state
    return load_file(folder / "model.safetensors")


def _digest(encoder: nn.Module, config: VJEPA2Config) -> str:
    digest = sha256(json.dumps({name: getattr(config, name) for name in SHAPING}, sort_keys=True).encode())
    for name, values in sorted(encoder.state_dict().items()):
        digest.update(f"{name}{tuple(values.shape)}".encode())
        digest.update(values.contiguous().numpy().data)
    return digest.hexdigest()


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no more is known'}"
