# SPDX-License-Identifier: Apache-2.0
"""Steps end where the pictures change."""

import numpy as np
import pytest

from ovpo.sop.embedding import Rows
from ovpo.sop.steps import segmenting
from ovpo.sop.steps.segmenting import boundaries

ROW_SECONDS = 0.25
DIMS = 24


def stretches(*lengths: int, noise: float = 0.1, seed: int = 0) -> Rows:
    """Give rows of unit length that stand still for so long, each stretch in a direction of its own."""
    square, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(DIMS, DIMS)))
    rows = np.repeat(square[: len(lengths)], lengths, axis=0)
    stray = np.random.default_rng(seed).normal(size=rows.shape)
    rows = rows + noise * stray / np.linalg.norm(stray, axis=1, keepdims=True)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


@pytest.mark.parametrize(
    "lengths", [(20, 20), (20, 30, 24), (8, 60, 9, 40, 12), (40,), (25, 8), (12, 12, 12, 12, 12, 12, 12, 12)]
)
@pytest.mark.parametrize("noise", [0.0, 0.2, 0.5])
def test_clear_steps_are_found_where_they_begin(lengths: tuple[int, ...], noise: float) -> None:
    begins = tuple(np.cumsum(lengths)[:-1].tolist())
    rows = stretches(*lengths, noise=noise)
    assert boundaries(rows, ROW_SECONDS, len(lengths)) == begins
    assert boundaries(rows, ROW_SECONDS, None) == begins


def test_so_many_steps_are_made_as_are_asked_for() -> None:
    rows = stretches(20, 20, 20, 20)
    two = boundaries(rows, ROW_SECONDS, 2)
    six = boundaries(rows, ROW_SECONDS, 6)
    assert (len(two), len(six)) == (1, 5)
    assert two[0] in {20, 40, 60}
    assert {20, 40, 60} < set(six)


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.3, 0.6])
@pytest.mark.parametrize("rows", [10, 60, 400])
def test_a_still_video_is_one_step(rows: int, noise: float) -> None:
    assert boundaries(stretches(rows, noise=noise), ROW_SECONDS, None) == ()


def test_a_video_without_anything_to_see_is_one_step() -> None:
    assert boundaries(np.zeros((80, DIMS), np.float32), ROW_SECONDS, None) == ()


def test_a_short_moment_is_no_step_of_its_own() -> None:
    assert boundaries(stretches(30, 3, 30), ROW_SECONDS, None) in {(30,), (33,)}


def test_no_step_is_shorter_than_the_least() -> None:
    random = np.random.default_rng(1).normal(size=(200, DIMS))
    rows = np.asarray(random / np.linalg.norm(random, axis=1, keepdims=True), dtype=np.float32)
    edges = [0, *boundaries(rows, ROW_SECONDS, None), 200]
    assert np.diff(edges).min() >= segmenting.LEAST_SECONDS / ROW_SECONDS


@pytest.mark.parametrize("count", [None, 1, 3])
def test_one_step_has_no_boundary(count: int | None) -> None:
    assert boundaries(stretches(1), ROW_SECONDS, count) == ()
    assert boundaries(stretches(40), ROW_SECONDS, 1) == ()


@pytest.mark.parametrize("count", [5, 9, 10])
def test_steps_may_be_shorter_than_the_least_where_so_many_are_asked_for(count: int) -> None:
    edges = [0, *boundaries(stretches(10), ROW_SECONDS, count), 10]
    assert len(edges) == count + 1
    assert np.diff(edges).min() >= 1


@pytest.mark.parametrize("count", [3, None])
def test_a_long_video_is_looked_at_more_coarsely(count: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmenting, "MOST_ROWS", 100)
    found = boundaries(stretches(100, 101, 130), ROW_SECONDS, count)
    assert len(found) == 2
    assert abs(found[0] - 100) <= 4
    assert abs(found[1] - 201) <= 4


@pytest.mark.parametrize("count", [2, None])
@pytest.mark.parametrize("lull", [18, 22])
def test_a_lull_says_which_row_of_a_slow_change_the_step_begins_at(count: int | None, lull: int) -> None:
    edges = stretches(20, 20, noise=0.0)
    share = np.clip((np.arange(40) - 16) / 8, 0, 1)[:, None]
    mixed = (1 - share) * edges[:1] + share * edges[-1:]
    rows = np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), np.float32)
    quiet = np.zeros(40, np.float32)
    quiet[lull] = 1
    assert boundaries(rows, ROW_SECONDS, count, quiet) == (lull,)
    assert boundaries(rows, ROW_SECONDS, count) == (20,)


def test_a_lull_alone_makes_no_step() -> None:
    quiet = np.zeros(40, np.float32)
    quiet[20] = 1
    assert boundaries(stretches(40), ROW_SECONDS, None, quiet) == ()
