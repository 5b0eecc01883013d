# SPDX-License-Identifier: Apache-2.0
"""Rows stand for a time, and their windows lie around it."""

import pytest

from ovpo.sop.clips import Clips


@pytest.mark.parametrize(("window", "stride"), [(6, 1), (8, 1), (5, 1), (16, 4), (16, 2), (7, 3), (1, 1)])
def test_the_middle_of_a_window_is_that_of_the_time_it_stands_for_or_half_a_sample_before(
    window: int, stride: int
) -> None:
    clips = Clips(window=window, stride=stride)
    row = 40
    first, end = clips.samples_of(row, 1000)
    assert end - first == window
    late = (first + end - 1) / 2 / clips.frames_per_second - (row + 0.5) * clips.row_seconds
    assert -0.5 / clips.frames_per_second <= late <= 0


@pytest.mark.parametrize("samples", [6, 7, 20])
def test_windows_at_the_ends_are_moved_inside(samples: int) -> None:
    clips = Clips(window=6)
    assert clips.samples_of(0, samples) == (0, 6)
    assert clips.samples_of(samples - 1, samples) == (samples - 6, samples)


def test_a_video_shorter_than_a_window_is_one_window() -> None:
    assert Clips(window=6).samples_of(1, 3) == (0, 3)
