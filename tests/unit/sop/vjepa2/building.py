# SPDX-License-Identifier: Apache-2.0
"""A tiny V-JEPA 2 with random weights, and videos for it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from transformers import VJEPA2Config, VJEPA2Model

from ovpo.sop.embedders.vjepa2.embedder import VJepa2
from ovpo.sop.embedders.vjepa2.options import VJepa2Options
from ovpo.sop.video.samples import Picture, Sample

WINDOW = 8


def tiny(seed: int, **changes: Any) -> VJEPA2Model:
    """Make a model of two layers."""
    config = VJEPA2Config(
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        crop_size=64,
        frames_per_clip=8,
        pred_hidden_size=48,
        pred_num_attention_heads=4,
        pred_num_hidden_layers=1,
        **changes,
    )
    torch.manual_seed(seed)
    return VJEPA2Model(config)


def saved(folder: Path, seed: int = 0, **changes: Any) -> Path:
    """Save a tiny model as anybody would."""
    tiny(seed, **changes).save_pretrained(folder)
    return folder


def embedder(folder: Path, **options: Any) -> VJepa2:
    """Make the embedder, on the CPU and with the small model's window unless told otherwise."""
    return VJepa2(VJepa2Options(model=str(folder), **{"window": WINDOW, "device": "cpu", **options}))


def picture(number: int, height: int = 73, width: int = 130) -> Picture:
    """Draw the picture of a moment: soft, coloured, moving."""
    coarse = np.random.default_rng(7).integers(0, 255, (6, 20, 3), dtype=np.uint8)
    wide = cv2.resize(np.roll(coarse, number, axis=1), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(wide, dtype=np.uint8)


def samples(count: int) -> Iterator[Sample]:
    """Play a video of so many samples."""
    return (Sample(number, number / 4, picture(number)) for number in range(count))
