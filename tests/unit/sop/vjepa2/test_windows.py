# SPDX-License-Identifier: Apache-2.0
"""The stream of windows is what `Clips` says of the whole video, whatever the batches."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ovpo.sop.clips import Clips
from ovpo.sop.embedders.vjepa2.windows import stretches
from ovpo.sop.video.samples import Picture


def numbered(count: int) -> list[Picture]:
    return [np.full((1, 1, 3), number, dtype=np.uint8) for number in range(count)]


@given(st.integers(0, 90), st.integers(1, 8), st.integers(1, 12), st.integers(1, 9))
def test_every_row_gets_the_window_that_clips_says(count: int, half: int, stride: int, at_once: int) -> None:
    clips = Clips(window=2 * half, stride=stride)
    seen = []
    for stretch in stretches(numbered(count), clips, 2, lambda: at_once):
        assert len(stretch.starts) <= at_once
        assert len(stretch.pictures) <= clips.window + (at_once - 1) * stride
        for start, rows in zip(stretch.starts, stretch.rows, strict=True):
            window = [int(picture[0, 0, 0]) for picture in stretch.pictures[start : start + stretch.length]]
            seen += [window] * rows
    expected = [[*range(*clips.samples_of(row, count))] for row in range(clips.count(count))]
    if 1 < count < clips.window:
        expected = [window[: len(window) // 2 * 2] for window in expected]
    assert seen == expected


def test_rows_that_share_a_window_are_computed_once() -> None:
    starts = [stretch.starts for stretch in stretches(numbered(40), Clips(window=16, stride=4), 2, lambda: 100)]
    assert starts == [(0, 2, 6, 10, 14, 18, 22, 24)]


def test_a_batch_that_shrinks_on_the_way_is_heeded() -> None:
    sizes, limits = [], [8, 8, 8, 3]
    for stretch in stretches(numbered(100), Clips(window=4, stride=2), 2, lambda: limits[-1]):
        sizes.append(len(stretch.starts))
        limits.append(2)
    assert sizes[0] == 3
    assert max(sizes[1:]) == 2
