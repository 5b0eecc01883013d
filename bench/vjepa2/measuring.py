# SPDX-License-Identifier: Apache-2.0
"""How many clips a second go through a V-JEPA 2 encoder, with pictures that are there already and on the whole way."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import VJEPA2Config, VJEPA2Model

from ovpo.sop.clips import Clips
from ovpo.sop.embedders.vjepa2.encoding import Encoding
from ovpo.sop.embedders.vjepa2.memory import fitting_batch
from ovpo.sop.embedders.vjepa2.options import Precision
from ovpo.sop.embedders.vjepa2.weights import find, load
from ovpo.sop.embedders.vjepa2.windows import stretches
from ovpo.sop.video.samples import Picture

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Speed:
    """Clips a second: the encoder alone, and from pictures in memory to rows in memory, transfer included."""

    batch: int
    alone: float
    whole: float


def large(model: str | None) -> tuple[nn.Module, VJEPA2Config]:
    """Give the encoder of a model, or the large one with random weights: they cost the same."""
    if model is not None:
        loaded = load(find(model, None))
        return loaded.encoder, loaded.config
    config = VJEPA2Config()
    torch.manual_seed(0)
    made = VJEPA2Model(config)
    return made.encoder.eval().requires_grad_(requires_grad=False), config


def speed(
    encoder: Callable[..., Any],
    config: VJEPA2Config,
    device: torch.device,
    precision: Precision,
    clips: Clips,
    batches: int,
) -> Speed:
    """Measure both over so many batches, several times, and take the medians."""
    batch = fitting_batch(config, clips.window, device)
    encoding = Encoding(encoder, device, precision, batch)
    pictures = _pictures(config.crop_size, (batch * batches - 1) * clips.stride + clips.window)
    resident = torch.from_numpy(np.stack(pictures[: (batch - 1) * clips.stride + clips.window])).to(device)
    starts = [number * clips.stride for number in range(batch)]

    def alone() -> int:
        with torch.inference_mode():
            for _ in range(batches):
                encoding.windows(resident, starts, clips.window)
        _wait(device)
        return batch * batches

    def whole() -> int:
        return len(encoding.rows(stretches(pictures, clips, config.tubelet_size, lambda: encoding.batch)))

    return Speed(encoding.batch, _per_second(alone), _per_second(whole))


def _per_second(work: Callable[[], int]) -> float:
    work()
    seen = []
    for _ in range(ROUNDS):
        began = perf_counter()
        done = work()
        seen.append(done / (perf_counter() - began))
    return median(seen)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _pictures(side: int, count: int) -> list[Picture]:
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return [np.roll(noise, number, axis=1) for number in range(count)]
