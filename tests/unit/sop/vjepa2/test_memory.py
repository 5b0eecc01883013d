# SPDX-License-Identifier: Apache-2.0
"""How many clips go at once follows from what is free and from the model's size."""

import torch
from transformers import VJEPA2Config

from ovpo.sop.embedders.vjepa2.memory import MOST_ON_CPU, batch_size, clip_bytes, fitting_batch
from tests.unit.sop.vjepa2.building import tiny

LARGE = VJEPA2Config()


def test_the_batch_follows_the_free_memory_within_bounds() -> None:
    assert [batch_size(free, clip=100, most=8) for free in (0, 150, 400, 1_000, 10_000)] == [1, 1, 2, 5, 8]


def test_a_clip_of_the_large_model_needs_some_hundred_megabytes_and_longer_ones_more() -> None:
    assert 1e8 < clip_bytes(LARGE, 16) < 4e8
    assert clip_bytes(LARGE, 64) == 4 * clip_bytes(LARGE, 16)


def test_on_the_cpu_a_few_clips_go_at_once() -> None:
    assert 1 <= fitting_batch(tiny(0).config, 8, torch.device("cpu")) <= MOST_ON_CPU
