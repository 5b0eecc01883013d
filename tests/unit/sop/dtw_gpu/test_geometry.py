# SPDX-License-Identifier: Apache-2.0
"""How pairs are laid out, and what that costs in memory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovpo.sop.dtw.gpu.geometry import TILING, Tiling, groups, layout

LENGTHS = st.lists(st.integers(1, 500), min_size=1, max_size=30)


def test_two_thousand_by_two_thousand_take_eight_blocks_of_four_strips() -> None:
    plan = layout(2000, [2000])
    assert (plan.strips, plan.blocks) == (32, 8)
    assert plan.first_step.tolist() == [0, 2048]
    assert plan.device_bytes == pytest.approx(4.25 * 2000 * 2000, rel=0.04)


@given(st.integers(1, 700), LENGTHS)
def test_every_pair_has_whole_chunks_for_its_columns_and_the_skew_of_the_lanes(rows: int, lengths: list[int]) -> None:
    steps = np.diff(layout(rows, lengths).first_step)
    assert (steps % 32 == 0).all()
    assert (steps >= np.array(lengths) + 31).all()
    assert (steps < np.array(lengths) + 63).all()


@given(st.integers(1, 700), LENGTHS)
def test_the_places_of_paths_follow_one_another_and_each_fits_the_longest_path(rows: int, lengths: list[int]) -> None:
    plan = layout(rows, lengths)
    end = 0
    for pair, length in enumerate(lengths):
        place = plan.place(pair)
        assert (place.start, place.stop - place.start) == (end, rows + length - 1)
        end = place.stop
    assert end == plan.places


@given(st.integers(1, 700), LENGTHS)
def test_a_result_splits_into_totals_begins_and_paths_without_rest(rows: int, lengths: list[int]) -> None:
    plan = layout(rows, lengths)
    totals, begins, paths = plan.split(np.zeros(plan.result_bytes, np.uint8))
    assert len(totals) == len(lengths)
    assert len(begins) >= len(lengths)
    assert paths.shape == (2 * plan.places,)


@given(st.integers(1, 300), LENGTHS, st.integers(0, 4_000_000))
def test_groups_take_every_pair_once_and_fit_unless_a_pair_stands_alone(
    rows: int, lengths: list[int], room: int
) -> None:
    runs = list(groups(rows, lengths, 8, room))
    assert [number for run in runs for number in run] == list(range(len(lengths)))
    for run in runs:
        columns = [lengths[number] for number in run]
        need = layout(rows, columns).device_bytes + 8 * 8 * sum(columns)
        assert need <= room or len(run) == 1


@pytest.mark.parametrize("tiling", [TILING, Tiling(rows_per_lane=4, warps=2), Tiling(rows_per_lane=1, warps=8)])
def test_a_block_fits_the_shared_memory_of_devices_from_8_0_on(tiling: Tiling) -> None:
    assert tiling.shared_bytes <= 99 * 1024
