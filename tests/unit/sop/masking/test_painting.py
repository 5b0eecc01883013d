# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ovpo.sop.masking.masks import Mask, Style
from ovpo.sop.masking.painting import cover, place
from ovpo.sop.video.samples import Picture

MOST_BLOCKS, LEAST_BLOCK = 8, 16
SHARES = st.floats(0, 1)
RANDOM = np.random.default_rng(7)


def noise(height: int, width: int) -> Picture:
    return RANDOM.integers(0, 256, (height, width, 3), np.uint8)


def changes_along(row: Picture) -> int:
    """Count where neighbours in a row differ."""
    return int((np.diff(row.astype(int), axis=0) != 0).any(1).sum())


def test_black_leaves_nothing_and_touches_nothing_else() -> None:
    before = noise(40, 60)
    after = cover(before, [Mask(0.5, 0.25, 0.25, 0.5)])
    assert not after[10:30, 30:46].any()
    after[10:30, 30:46] = before[10:30, 30:46]
    assert np.array_equal(after, before)


def test_the_picture_that_was_given_stays_as_it_is() -> None:
    before = noise(20, 20)
    kept = before.copy()
    cover(before, [Mask(0, 0, 1, 1)])
    assert np.array_equal(before, kept)


def test_without_masks_a_picture_stays_the_same() -> None:
    before = noise(20, 20)
    assert np.array_equal(cover(before, []), before)


@given(SHARES, SHARES, SHARES, SHARES, st.integers(1, 50), st.integers(1, 50))
def test_every_pixel_that_a_mask_touches_is_covered_and_none_outside_the_picture(
    x: float, y: float, width: float, height: float, rows: int, columns: int
) -> None:
    mask = Mask(x, y, min(width, 1 - x), min(height, 1 - y))
    down, across = place(mask, rows, columns)
    for found, start, length, pixels in ((down, mask.y, mask.height, rows), (across, mask.x, mask.width, columns)):
        assert 0 <= found.start < found.stop <= pixels
        assert found.start <= start * pixels or found.start == (pixels - 1) // 2 * 2
        assert found.stop >= min((start + length) * pixels, pixels)
        assert found.start % 2 == 0
        assert found.stop % 2 == 0 or found.stop == pixels


@pytest.mark.parametrize("style", [Style.PIXELATE, Style.BLUR])
@pytest.mark.parametrize(("height", "width"), [(160, 320), (37, 23), (16, 16), (5, 300), (1, 1), (200, 90)])
def test_all_that_is_left_are_the_means_of_at_most_eight_blocks_a_side(style: Style, height: int, width: int) -> None:
    before = noise(height, width)
    after = cover(before, [Mask(0, 0, 1, 1, style)])
    rows, columns = (min(MOST_BLOCKS, max(side // LEAST_BLOCK, 1)) for side in (height, width))
    colours = np.linalg.matrix_rank(after[..., 0].astype(float) - after[..., 0].mean(), tol=height * width / 8)
    assert colours <= min(rows, columns)
    if style is Style.PIXELATE:
        assert len(np.unique(after.reshape(-1, 3), axis=0)) <= rows * columns
        assert changes_along(after[0]) < columns
        assert changes_along(after[:, 0]) < rows


@pytest.mark.parametrize("style", list(Style))
@given(arrays(np.uint8, (48, 48, 3)))
def test_what_has_the_same_block_means_looks_the_same_whatever_it_was(style: Style, picture: Picture) -> None:
    """Rows and columns changed about inside each block of 16 by 16 keep its mean, and nothing else."""
    blocks = picture.reshape(3, 16, 3, 16, 3)
    other = np.ascontiguousarray(blocks[:, ::-1, :, ::-1]).reshape(48, 48, 3)
    mask = [Mask(0, 0, 1, 1, style)]
    assert np.array_equal(cover(picture, mask), cover(other, mask))


def test_blurring_draws_slopes_without_steps_and_pixelating_draws_blocks() -> None:
    ramp = np.repeat(np.linspace(0, 255, 256).astype(np.uint8)[None, :, None], 256, 0).repeat(3, 2)
    blurred = cover(ramp, [Mask(0, 0, 1, 1, Style.BLUR)])[128, :, 0].astype(int)
    blocky = cover(ramp, [Mask(0, 0, 1, 1, Style.PIXELATE)])[128, :, 0].astype(int)
    assert np.diff(blurred).max() <= 2
    assert len(np.unique(blocky)) == MOST_BLOCKS
    assert abs(blurred[128] - 128) <= 2


def test_a_later_mask_is_painted_over_an_earlier_one() -> None:
    after = cover(noise(40, 40), [Mask(0, 0, 1, 1, Style.BLUR), Mask(0, 0, 0.5, 1)])
    assert not after[:, :20].any()
    assert after[:, 20:].any()
