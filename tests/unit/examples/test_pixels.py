# SPDX-License-Identifier: Apache-2.0
"""What is measured of pictures of which the answer is known."""

import numpy as np
import pytest

from examples.pipelines.pixels import measure
from tests.unit.examples.pictures import HEIGHT, WIDTH, checkerboard, cloudy, even, noisy, square

KNOWN_OF_ONE = {"brightness_avg", "contrast_ratio", "edge_density", "noise_estimate"}
KNOWN_OF_TWO = KNOWN_OF_ONE | {"motion_score", "temporal_consistency"}


def test_a_black_picture_measures_zero_in_everything() -> None:
    assert measure(even(0)) == dict.fromkeys(KNOWN_OF_ONE, 0.0)


def test_an_even_grey_has_its_level_as_brightness_and_no_contrast_edge_or_noise() -> None:
    told = measure(even(90))
    assert told["brightness_avg"] == pytest.approx(90)
    assert (told["contrast_ratio"], told["edge_density"], told["noise_estimate"]) == (0, 0, 0)


def test_brightness_weighs_the_colours_as_eyes_do() -> None:
    levels = []
    for channel in range(3):
        picture = even(0)
        picture[..., channel] = 200
        levels.append(measure(picture)["brightness_avg"])
    red, green, blue = levels
    assert (red, green, blue) == pytest.approx((200 * 0.299, 200 * 0.587, 200 * 0.114), abs=1)


def test_a_checkerboard_has_contrast_one_and_its_edges_lie_between_the_squares() -> None:
    told = measure(checkerboard(16))
    assert told["brightness_avg"] == pytest.approx(127.5)
    assert told["contrast_ratio"] == pytest.approx(1)
    borders = ((WIDTH // 16 - 1) * HEIGHT + (HEIGHT // 16 - 1) * WIDTH) / (WIDTH * HEIGHT)
    assert told["edge_density"] == pytest.approx(borders, rel=0.25)


def test_more_and_smaller_squares_have_more_edges() -> None:
    assert measure(checkerboard(8))["edge_density"] > 1.5 * measure(checkerboard(16))["edge_density"]


@pytest.mark.parametrize("deviation", [2.0, 5.0, 12.0])
def test_noise_is_estimated_as_the_deviation_that_it_has(deviation: float) -> None:
    assert measure(noisy(deviation))["noise_estimate"] == pytest.approx(deviation, rel=0.1)


def test_a_first_frame_tells_nothing_of_motion() -> None:
    assert set(measure(cloudy())) == KNOWN_OF_ONE


def test_nothing_moves_between_a_picture_and_itself() -> None:
    told = measure(cloudy(), cloudy())
    assert set(told) == KNOWN_OF_TWO
    assert told["motion_score"] == pytest.approx(0, abs=1e-3)
    assert told["temporal_consistency"] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("across", [-3, 2, 4])
def test_a_picture_that_moves_as_a_whole_moves_by_so_many_pixels_and_stays_consistent(across: int) -> None:
    told = measure(np.roll(cloudy(), across, axis=1), cloudy())
    assert told["motion_score"] == pytest.approx(abs(across), rel=0.15)
    assert told["temporal_consistency"] > 0.9


def test_a_moving_square_moves_more_the_faster_it_is() -> None:
    still, slow, fast = (measure(square(40 + step), square(40))["motion_score"] for step in (0, 2, 6))
    assert still == pytest.approx(0, abs=1e-3)
    assert still < slow < fast


def test_another_picture_altogether_is_not_consistent() -> None:
    told = measure(noisy(40, seed=4), noisy(40, seed=3))
    assert 0 <= told["temporal_consistency"] < 0.5


def test_the_numbers_lie_within_the_contracts_bounds_for_any_pictures() -> None:
    drawn = np.random.default_rng(5)
    for _ in range(20):
        one, other = drawn.integers(0, 256, (2, 36, 64, 3), dtype=np.uint8)
        told = measure(one, other)
        assert 0 <= told["temporal_consistency"] <= 1
        assert 0 <= told["edge_density"] <= 1
        assert 0 <= told["brightness_avg"] <= 255
        assert min(told.values()) >= 0
        assert np.isfinite(list(told.values())).all()
