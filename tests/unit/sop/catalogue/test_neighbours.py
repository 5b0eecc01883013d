# SPDX-License-Identifier: Apache-2.0
"""Which clips are nearest: those that brute force finds, in an order that is always the same."""

from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from ovpo.foundation.objects.copies import Copies
from ovpo.sop.catalogue import neighbours as module
from ovpo.sop.catalogue.neighbours import Asked, Neighbour, Search, neighbours
from ovpo.sop.embedding import Rows
from ovpo.sop.errors import EmbeddingError
from tests.unit.sop.catalogue.shelf import in_a_folder, put
from tests.unit.sop.embedding.building import DIMS, some_rows


@pytest.fixture
def copies(tmp_path: Path) -> Copies:
    return in_a_folder(tmp_path)


def found(
    copies: Copies, videos: list[Rows], most: int, first: int = 0, last: int | None = None, own: bool = False
) -> list[Neighbour]:
    """Ask for neighbours of clips of the first video."""
    stored = [put(copies, number, rows) for number, rows in enumerate(videos)]
    asked = Asked(
        tenant_id="demo",
        video_id=stored[0].video_id,
        first_row=first,
        last_row=first if last is None else last,
        own_video=own,
    )
    return neighbours(copies, Search(asked, stored[0], stored if own else stored[1:]), most)


def places(clips: list[Neighbour]) -> list[tuple[int, int]]:
    return [(one.video_id.int, one.row) for one in clips]


def axis(*which: int) -> Rows:
    """Give rows that each lie on an axis."""
    return np.eye(DIMS, dtype=np.float32)[list(which)]


@pytest.mark.parametrize("rows_at_once", [4096, 7])
def test_the_nearest_clips_are_those_of_brute_force_however_the_rows_are_cut(
    copies: Copies, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", rows_at_once)
    videos = [some_rows(40, seed) for seed in range(5)]
    clips = found(copies, videos, 25, first=3)
    every = np.concatenate(videos[1:]).astype(np.float64) @ videos[0][3]
    expected = np.argsort(-every)[:25]
    assert places(clips) == [(1 + index // 40, index % 40) for index in expected]
    assert [one.cosine for one in clips] == pytest.approx(every[expected], abs=1e-6)


def test_a_clip_is_told_with_the_time_that_it_stands_for(copies: Copies) -> None:
    (nearest,) = found(copies, [axis(0), axis(1, 2, 0)], 1)
    assert nearest == Neighbour(video_id=UUID(int=1), row=2, start=0.5, end=0.75, cosine=1.0)


def test_equally_near_clips_come_by_video_and_row_whatever_is_asked_for(copies: Copies) -> None:
    videos = [axis(0), axis(0, 1, 0), axis(0, 0)]
    order = [(1, 0), (1, 2), (2, 0), (2, 1), (1, 1)]
    for most in range(1, 6):
        assert places(found(copies, videos, most)) == order[:most]


def test_a_stretch_is_asked_about_by_what_its_clips_have_in_common(copies: Copies) -> None:
    both = np.asarray([[1, 1, *[0] * (DIMS - 2)]], dtype=np.float32) / np.sqrt(2, dtype=np.float32)
    assert places(found(copies, [axis(0, 1), axis(0), both], 1, 0, 1)) == [(2, 0)]


def test_of_the_own_video_the_clips_asked_about_are_left_out_and_no_more(copies: Copies) -> None:
    clips = found(copies, [axis(0, 0, 0, 1), axis(0, 2)], 5, 1, 2, own=True)
    assert places(clips) == [(0, 0), (1, 0), (0, 3), (1, 1)]


def test_opposite_clips_are_the_farthest(copies: Copies) -> None:
    assert [one.cosine for one in found(copies, [axis(0), -axis(0), axis(1)], 3)] == [0.0, -1.0]


@pytest.mark.parametrize(("first", "last"), [(-1, 0), (1, 0), (0, 2)])
def test_clips_that_the_video_does_not_have_are_refused(copies: Copies, first: int, last: int) -> None:
    with pytest.raises(EmbeddingError, match=f"clips {first} to {last}: the video has 2, counted from 0"):
        found(copies, [axis(0, 1), axis(0)], 1, first, last)


def test_clips_in_which_there_is_nothing_to_see_have_no_neighbours(copies: Copies) -> None:
    with pytest.raises(EmbeddingError, match="nothing to see"):
        found(copies, [np.zeros((1, DIMS), dtype=np.float32), axis(0)], 1)


def test_more_embeddings_than_are_kept_open_can_be_searched(copies: Copies) -> None:
    clips = found(copies, [axis(0)] * (module.MOST_OPEN + 5), 2 * module.MOST_OPEN)
    assert len(clips) == module.MOST_OPEN + 4
