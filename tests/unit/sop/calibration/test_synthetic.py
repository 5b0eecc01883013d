# SPDX-License-Identifier: Apache-2.0
from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from ovpo.sop.calibration.learning import ANOTHER_TAKE
from ovpo.sop.calibration.synthetic import CHOSEN, MOST_SAMPLES, from_nuisances, stretches
from ovpo.sop.clips import Clips
from ovpo.sop.embedders.interface import Seen
from ovpo.sop.embedding import Maker
from ovpo.sop.video.samples import Sample, Sampling
from ovpo.sop.watching import Keeper
from tests.unit.sop.embedding.building import embedding, some_rows

CLIPS = Clips(window=1)
STEP_OF = np.repeat(np.arange(4, dtype=np.int32), 10)


class Thumbnails:
    """Sees a picture as six by eight points."""

    maker = Maker(embedder="thumbnails", version="1", dims=144, clips=CLIPS, settings={})
    sampling = Sampling()

    def embed(self, samples: Iterable[Sample]) -> Seen:
        points = np.stack([one.picture[::8, ::8].reshape(-1).astype(np.float32) for one in samples])
        points -= points.mean(axis=1, keepdims=True)
        light = np.full(len(points), 0.5, np.float32)
        return Seen(points / np.linalg.norm(points, axis=1, keepdims=True), light, light)


def samples(count: int = 40) -> Iterator[Sample]:
    """Give pictures of four steps, each of which begins with other colours."""
    for index in range(count):
        blocks = np.random.default_rng(index // 10).integers(0, 255, (3, 4, 3))
        picture = np.kron(blocks, np.ones((16, 16, 1))).astype(np.uint8)
        yield Sample(index, index / 4, np.roll(picture, index % 10, axis=1))


def test_a_short_video_is_looked_at_whole_and_a_long_one_in_parts_over_all_of_it() -> None:
    assert stretches(MOST_SAMPLES, CLIPS) == ((0, MOST_SAMPLES),)
    parts = stretches(7200 * 4, Clips(window=16, stride=3))
    assert parts[0][0] == 0
    assert 7200 * 4 - 3 <= parts[-1][1] <= 7200 * 4
    assert sum(end - first for first, end in parts) <= MOST_SAMPLES
    assert all(first % 3 == 0 for first, _ in parts)


def test_only_the_pictures_of_the_stretches_are_kept() -> None:
    keeper = Keeper(((2, 4), (30, 32)))
    assert len(list(keeper.through(samples()))) == 40
    assert [one.index for one in keeper.kept] == [2, 3, 30, 31]
    assert [one.index for one in keeper.of((30, 32))] == [30, 31]


def test_each_nuisance_is_a_pair_whose_level_is_high_but_not_that_of_the_same_pictures() -> None:
    sidecar = embedding(some_rows(40, 1, 144)).sidecar
    told: list[float] = []
    found = list(from_nuisances(Thumbnails(), sidecar, [(0, list(samples()))], STEP_OF, None, told.append))
    assert len(found) == len(CHOSEN)
    assert all(0.5 < one.level < 0.99999 for one in found)
    assert all(one.other is not None and one.other < one.same for one in found)
    assert all(one.same <= ANOTHER_TAKE for one in found), "nobody's retake is as like as the same pictures"
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


def test_the_same_video_is_measured_the_same_each_time() -> None:
    sidecar = embedding(some_rows(40, 1, 144)).sidecar
    one, other = (list(from_nuisances(Thumbnails(), sidecar, [(0, list(samples()))], STEP_OF, None)) for _ in "ab")
    assert one == other
