# SPDX-License-Identifier: Apache-2.0
"""Pictures as the model wants them: short side, square, bilinear; and how bright and lively they are."""

import numpy as np
import pytest

from ovpo.sop.clips import Clips
from ovpo.sop.embedders.vjepa2.pictures import Light, Shaping
from ovpo.sop.video.samples import Picture
from tests.unit.sop.vjepa2.building import picture


def flat(value: int) -> Picture:
    return np.full((36, 64, 3), value, dtype=np.uint8)


@pytest.mark.parametrize(("height", "width"), [(292, 520), (520, 292), (240, 320), (90, 160), (1, 520), (520, 3)])
def test_every_picture_becomes_the_square(height: int, width: int) -> None:
    assert Shaping(256).shape(picture(1, height, width)).shape == (256, 256, 3)


def test_a_picture_of_the_right_size_is_only_cut() -> None:
    given = picture(1, 292, 520)
    assert np.array_equal(Shaping(256).shape(given), given[18:274, 132:388])


def test_the_middle_is_kept_and_its_proportions() -> None:
    given = np.zeros((584, 1040, 3), dtype=np.uint8)
    given[242:342, 470:570] = 255
    bright = Shaping(256).shape(given)[..., 0] > 127
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (103, 152, 103, 152)


def test_resizing_averages_what_falls_together() -> None:
    given = np.zeros((4 * 292, 4 * 292, 3), dtype=np.uint8)
    given[::4] = 200
    shaped = Shaping(256).shape(given)
    assert abs(float(shaped.mean()) - 50) <= 2
    assert shaped.std() < 15


def test_a_plain_picture_keeps_its_colour() -> None:
    given = np.tile(np.array([10, 120, 250], dtype=np.uint8), (90, 160, 1))
    assert (Shaping(64).shape(given) == [10, 120, 250]).all()


def test_brightness_and_motion_are_means_over_the_cell_of_a_row() -> None:
    light = Light()
    for value in (0, 51, 51, 102, 255):
        light.see(flat(value))
    brightness, motion = light.by_row(Clips(window=4, stride=2))
    assert brightness == pytest.approx([0.1, 0.3, 1.0], abs=1e-6)
    assert motion == pytest.approx([0.1, 0.1, 0.6], abs=1e-6)
