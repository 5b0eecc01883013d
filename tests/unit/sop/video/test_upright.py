# SPDX-License-Identifier: Apache-2.0
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovpo.sop.video.upright import Turn, fitted, square, turn_of

ONE = 1 << 16
STORED = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)


def _matrix(across_x: int, across_y: int, down_x: int, down_y: int) -> bytes:
    numbers = [across_x * ONE, across_y * ONE, 0, down_x * ONE, down_y * ONE, 0, 0, 0, 1 << 30]
    return np.array(numbers, "<i4").tobytes()


@pytest.mark.parametrize(
    ("matrix", "degrees", "mirrored", "shown"),
    [
        ((1, 0, 0, 1), 0, False, [[0, 1, 2], [3, 4, 5]]),
        ((0, 1, -1, 0), 90, False, [[3, 0], [4, 1], [5, 2]]),
        ((-1, 0, 0, -1), 180, False, [[5, 4, 3], [2, 1, 0]]),
        ((0, -1, 1, 0), 270, False, [[2, 5], [1, 4], [0, 3]]),
        ((-1, 0, 0, 1), 0, True, [[2, 1, 0], [5, 4, 3]]),
        ((0, 1, 1, 0), 270, True, [[0, 3], [1, 4], [2, 5]]),
    ],
)
def test_a_display_matrix_turns_and_mirrors(
    matrix: tuple[int, int, int, int], degrees: int, mirrored: bool, shown: list[list[int]]
) -> None:
    turn = turn_of(_matrix(*matrix))
    assert (turn.degrees, turn.mirrored) == (degrees, mirrored)
    assert turn.apply(STORED)[:, :, 0].tolist() == shown


def test_no_turn_leaves_the_picture() -> None:
    assert np.array_equal(Turn().apply(STORED), STORED)


@given(st.integers(16, 9000), st.integers(16, 9000), st.integers(16, 1000).map(lambda half: half * 2))
def test_a_fitted_size_is_even_within_bounds_and_not_enlarged(width: int, height: int, longest: int) -> None:
    small = fitted(width, height, longest)
    assert all(side % 2 == 0 and side >= 2 for side in small)
    assert max(small) <= longest
    assert small[0] <= max(width, 2)
    assert small[1] <= max(height, 2)


@pytest.mark.parametrize(
    ("ratio", "size"), [(None, (720, 576)), (Fraction(16, 11), (1047, 576)), (Fraction(99), (720, 576))]
)
def test_pixels_are_made_square_unless_the_header_is_absurd(ratio: Fraction | None, size: tuple[int, int]) -> None:
    assert square(720, 576, ratio) == size
