# SPDX-License-Identifier: Apache-2.0
"""How many clips fit into memory at once."""

from typing import Final

import psutil
import torch
from transformers import VJEPA2Config

SHARE: Final = 0.5
"""Of the free memory: activations are estimated, and others may need some meanwhile."""
MOST_ON_GPU: Final = 64
"""16 clips of 2048 tokens fill a large GPU; four times that hides the rest of the work."""
MOST_ON_CPU: Final = 4
LIVE_WIDTHS: Final = 12
"""Tensors of the model's width that live at once in a layer: residuals, queries, keys, values, their rotations."""


def clip_bytes(config: VJEPA2Config, window: int) -> int:
    """Estimate what a clip needs on its way through a layer, in float32."""
    tokens = max(window // config.tubelet_size, 1) * (config.crop_size // _patch(config)) ** 2
    pixels = window * config.crop_size**2 * config.in_chans
    return int(4 * (tokens * config.hidden_size * (LIVE_WIDTHS + 2 * config.mlp_ratio) + 2 * pixels))


def batch_size(free: int, clip: int, most: int) -> int:
    """Give how many clips go into a share of free memory: at least one, since less is no use."""
    return max(1, min(most, int(free * SHARE) // clip))


def fitting_batch(config: VJEPA2Config, window: int, device: torch.device) -> int:
    """Give how many clips go at once into what is free on a device now."""
    if device.type == "cuda":
        return batch_size(torch.cuda.mem_get_info(device)[0], clip_bytes(config, window), MOST_ON_GPU)
    return batch_size(psutil.virtual_memory().available, clip_bytes(config, window), MOST_ON_CPU)


def _patch(config: VJEPA2Config) -> int:
    return config.patch_size if isinstance(config.patch_size, int) else config.patch_size[0]
