# SPDX-License-Identifier: Apache-2.0
"""How many pictures an output of diffusers holds, in each form that its pipelines give them in."""

from typing import Any

import numpy as np
import pytest
import torch
from diffusers.utils.outputs import BaseOutput
from PIL import Image

from ovpo_sdk.diffusion.outputs import NONE, Pictures, pictures

PICTURE = Image.new("RGB", (4, 4))
ARRAY = np.zeros((4, 4, 3))


class Frames(BaseOutput):
    frames: Any


class Images(BaseOutput):
    images: Any


class Audios(BaseOutput):
    audios: Any


@pytest.mark.parametrize(
    ("held", "count"),
    [
        (np.zeros((2, 5, 4, 4, 3)), 10),
        (torch.zeros(1, 5, 3, 4, 4), 5),
        (torch.zeros(5, 3, 4, 4), 5),
        ([[PICTURE] * 5], 5),
        ([[PICTURE] * 5, [PICTURE] * 3], 8),
        ([np.zeros((5, 4, 4, 3)), np.zeros((5, 4, 4, 3))], 10),
        ([PICTURE] * 5, 5),
        ([ARRAY] * 5, 5),
    ],
)
def test_frames_are_counted_and_move(held: Any, count: int) -> None:
    assert pictures(Frames(frames=held)) == Pictures(count, moving=True)


@pytest.mark.parametrize(
    ("held", "count"),
    [
        ([PICTURE] * 3, 3),
        ([ARRAY] * 3, 3),
        (np.zeros((3, 4, 4, 3)), 3),
        (torch.zeros(3, 3, 4, 4), 3),
        ([np.zeros((4, 4))], 1),
    ],
)
def test_images_are_counted_and_stand_still(held: Any, count: int) -> None:
    assert pictures(Images(images=held)) == Pictures(count, moving=False)


def test_a_tuple_begins_with_its_pictures() -> None:
    assert pictures(([PICTURE] * 2, None)) == Pictures(2, moving=False)
    assert pictures(([[PICTURE] * 5],)) == Pictures(5, moving=True)
    assert pictures((np.zeros((1, 5, 4, 4, 3)),)) == Pictures(5, moving=True)


@pytest.mark.parametrize(
    "output", [Audios(audios=np.zeros((1, 2, 100))), (), None, "text", ("text",), (torch.zeros(2),), Images(images=[])]
)
def test_an_output_without_pictures_has_none(output: Any) -> None:
    assert pictures(output) == NONE
