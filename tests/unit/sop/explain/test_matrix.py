# SPDX-License-Identifier: Apache-2.0
"""The similarity matrix as JSON and as a picture."""

import base64
import json

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ovpo.sop.errors import SopError
from ovpo.sop.explain.marks import MARKS
from ovpo.sop.explain.matrix import CELLS, Similarity, averaged, matrix_json
from ovpo.sop.explain.matrix_picture import matrix_png
from ovpo.sop.result import Alignment
from tests.unit.sop import results
from tests.unit.sop.explain.pixels import differing, near, pixels


def _flat(rows: int, columns: int, row_seconds: float = 0.25) -> Similarity:
    return Similarity(np.zeros((rows, columns), np.float32), row_seconds, row_seconds)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 30), st.integers(1, 30))
def test_averaging_keeps_the_range_and_gives_the_size_asked(rows: int, columns: int, tall: int, wide: int) -> None:
    values = np.random.default_rng(rows * 71 + columns).random((rows, columns), dtype=np.float32)
    small = averaged(values, tall, wide)
    assert small.shape == (min(rows, tall), min(columns, wide))
    assert small.min() >= values.min() - 1e-6
    assert small.max() <= values.max() + 1e-6


def test_averaging_is_the_mean_of_each_block() -> None:
    values = np.arange(24, dtype=np.float32).reshape(4, 6)
    assert np.allclose(averaged(values, 2, 3), values.reshape(2, 2, 3, 2).mean(axis=(1, 3)))


def test_one_bright_cell_of_a_large_matrix_is_not_lost() -> None:
    values = np.zeros((3000, 3000), np.float32)
    values[1717, 2900] = 1.0
    small = averaged(values, CELLS, CELLS)
    assert small.max() > 0
    assert small.argmax() == (1717 * CELLS // 3000) * CELLS + 2900 * CELLS // 3000


def test_what_is_no_number_counts_as_unlike() -> None:
    values = np.full((4, 4), np.nan, np.float32)
    assert (averaged(values, 2, 2) == 0).all()


def test_a_matrix_without_rows_is_refused() -> None:
    with pytest.raises(SopError, match="gold rows and trainee rows"):
        Similarity(np.zeros((0, 5), np.float32), 0.25, 0.25)


def test_the_page_gets_bytes_row_by_row_and_seconds() -> None:
    result = results.flawed()
    similarity = Similarity(results.similarity(result), 0.25, 0.25)
    sent = json.loads(msgspec.json.encode(matrix_json(similarity, result)))
    cells = np.frombuffer(base64.b64decode(sent["cells"]), np.uint8).reshape(sent["rows"], sent["columns"])
    assert cells.shape == (120, 160)
    assert (sent["gold_seconds"], sent["trainee_seconds"]) == (30.0, 40.0)
    assert cells[2, 10] > 200
    assert cells[2, 100] < 100
    assert sent["trainee_steps"][1] is None
    assert [one["label"] for one in sent["deviations"]] == ["M1", "S2", "E3", "O4", "X5", "R6"]


def test_the_page_gets_little_however_long_the_videos_are() -> None:
    result = results.flawed()
    path = tuple((place * 0.25, place * 0.25) for place in range(1200))
    long = replace(result, alignment=Alignment(path=path, mean_cost=0.1))
    sent = matrix_json(_flat(1000, 1200), long)
    assert (sent.rows, sent.columns) == (CELLS, CELLS)
    assert sum(len(run) for run in sent.path) <= 2 * CELLS
    assert sent.path[0][0] == path[0]
    assert sent.path[-1][-1] == path[-1]


def test_exchanged_steps_break_the_path_that_the_page_gets() -> None:
    result = results.flawed()
    assert len(matrix_json(_flat(120, 160), result).path) == 4


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (40, 90), (1500, 2000)])
def test_a_matrix_of_any_shape_makes_a_picture_of_sensible_size(shape: tuple[int, int]) -> None:
    height, width, _ = pixels(matrix_png(_flat(*shape), results.flawed())).shape
    assert 800 <= width <= 1600
    assert 400 <= height <= 1100


def test_the_path_is_drawn_from_corner_to_corner_in_a_straight_line() -> None:
    similarity = _flat(120, 120)
    path = tuple((place * 0.25, place * 0.25) for place in range(121))
    bare = replace(results.result(), alignment=Alignment(path=(), mean_cost=0))
    with_path = replace(bare, alignment=Alignment(path=path, mean_cost=0))
    drawn = differing(pixels(matrix_png(similarity, with_path)), pixels(matrix_png(similarity, bare)))
    rows, columns = np.nonzero(drawn)
    tall, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert tall > 800
    assert wide == pytest.approx(tall, abs=8)
    expected = (columns - columns.min()) / wide
    actual = (rows - rows.min()) / tall
    assert np.abs(expected - actual).max() < 0.02


def test_similar_is_light_and_unlike_is_dark_in_the_picture() -> None:
    values = np.full((100, 100), 0.1, np.float32)
    values[:, 50:] = 0.9
    picture = pixels(matrix_png(Similarity(values, 0.25, 0.25), results.result()))
    inside = picture[300:600, 320:]
    half = np.flatnonzero(near(inside, "#fee838").all(axis=0))
    dark = np.flatnonzero(near(inside, "#00224e").all(axis=0))
    assert len(half) > 300
    assert abs(len(half) - len(dark)) < 60
    assert dark.max() < half.min()


def test_deviations_are_marked_at_the_edges() -> None:
    result = results.flawed()
    picture = pixels(matrix_png(Similarity(results.similarity(result), 0.25, 0.25), result))
    for found in result.deviations:
        assert near(picture, MARKS[found.type].colour).sum() > 60
