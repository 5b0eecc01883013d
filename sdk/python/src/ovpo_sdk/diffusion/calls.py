# SPDX-License-Identifier: Apache-2.0
"""What a call of a pipeline says about the run: its settings, its seed, the frames that are to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import Signature
from pathlib import PurePath
from typing import Any, Final

import torch
from diffusers import __version__ as diffusers_version
from diffusers.pipelines.pipeline_utils import DiffusionPipeline

_NUMBERS: Final = {
    "num_inference_steps": "steps",
    "guidance_scale": "guidance_scale",
    "guidance_scale_2": "guidance_scale_2",
    "true_cfg_scale": "true_cfg_scale",
    "strength": "strength",
    "eta": "eta",
    "height": "height",
    "width": "width",
    "num_frames": "num_frames",
    "video_length": "num_frames",
    "fps": "fps",
    "frame_rate": "fps",
    "batch_size": "batch_size",
    "num_images_per_prompt": "outputs_per_prompt",
    "num_videos_per_prompt": "outputs_per_prompt",
}
"""The numbers among the arguments of diffusers' pipelines that say how a run is made, and what they are called here."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a call says."""

    model: str
    config: dict[str, Any]
    prompt: str | None
    negative_prompt: str | None
    seed: int | None
    fps: float
    latents_wanted: bool
    """What comes out are latents, not pictures."""


def described(
    pipeline: DiffusionPipeline,
    signature: Signature,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    *,
    model: str | None,
    fps: float,
) -> Call:
    """Read a call; TypeError where the pipeline does not take it."""
    bound = signature.bind(*args, **kwargs)
    named = dict(bound.arguments)
    bound.apply_defaults()
    said = bound.arguments
    prompt = said.get("prompt")
    return Call(
        model=model or _model(pipeline),
        config=_config(pipeline, said),
        prompt=_text(prompt),
        negative_prompt=_text(said.get("negative_prompt")),
        seed=_seed(said.get("generator")),
        fps=_rate(named) or fps,
        latents_wanted=said.get("output_type") == "latent",
    )


def _config(pipeline: DiffusionPipeline, said: Mapping[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = {"pipeline": type(pipeline).__name__, "diffusers": diffusers_version}
    scheduler = getattr(pipeline, "scheduler", None)
    if scheduler is not None:
        config["scheduler"] = type(scheduler).__name__
    config |= {called: said[name] for name, called in _NUMBERS.items() if _is_number(said.get(name))}
    config["dtype"] = str(pipeline.dtype).removeprefix("torch.")
    config["device"] = str(pipeline.device)
    return config


def _model(pipeline: DiffusionPipeline) -> str:
    """Give the name it was loaded by; of a folder, the last part, for the others are somebody's machine."""
    name = str(pipeline.name_or_path or "")
    return (PurePath(name).name if PurePath(name).is_absolute() else name) or type(pipeline).__name__


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(prompt: object) -> str | None:
    if isinstance(prompt, str):
        return prompt
    if isinstance(prompt, Mapping):
        prompt = list(prompt.values())
    if isinstance(prompt, list | tuple) and prompt and all(isinstance(one, str) for one in prompt):
        return "\n".join(prompt)
    return None


def _seed(generator: object) -> int | None:
    first = generator[0] if isinstance(generator, list) and generator else generator
    return first.initial_seed() if isinstance(first, torch.Generator) else None


def _rate(named: Mapping[str, Any]) -> float | None:
    rates = [named[name] for name in ("fps", "frame_rate") if _is_number(named.get(name)) and named[name] > 0]
    return float(rates[0]) if rates else None
