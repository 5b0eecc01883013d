# SPDX-License-Identifier: Apache-2.0
"""Rows without a model tell what is moved, not how it was filmed."""

from collections.abc import Callable, Iterator
from itertools import repeat

import numpy as np
import pytest

from ovpo.sop.embedders.heuristic import embedder as heuristic
from ovpo.sop.embedders.heuristic.embedder import Heuristic
from ovpo.sop.embedders.heuristic.foreground import Foreground, Still, foreground
from ovpo.sop.embedders.heuristic.planes import Floats
from ovpo.sop.embedders.interface import Seen
from ovpo.sop.errors import EmbeddingError
from ovpo.sop.video.samples import Picture, Sample
from tests.unit.sop.heuristic.scenes import (
    BLUE,
    GREEN,
    RED,
    bench,
    brighter,
    moved,
    noisy,
    samples,
    shifted,
    with_thing,
)

PART = 24
WORK = [*moved(RED), *moved(BLUE, size=(8, 26), high=0.7), *moved(GREEN, size=(26, 8), high=0.5)]
"""Three things are moved about, one after another."""


def rows_of(pictures: list[Picture]) -> Seen:
    return Heuristic().embed(samples(pictures))


def inside(part: int) -> slice:
    """Give the rows of a part of the work whose windows show nothing of its neighbours."""
    return slice(part * PART + 4, (part + 1) * PART - 4)


def alike(one: Seen, other: Seen, part: int, other_part: int) -> float:
    """Tell how alike two parts are, row by row in the middle."""
    return float(np.median(np.sum(one.rows[inside(part)] * other.rows[inside(other_part)], axis=1)))


@pytest.mark.parametrize("count", [1, 2, 5, 6, 7, 30])
def test_there_is_one_row_of_unit_length_a_sample(count: int) -> None:
    seen = rows_of(WORK[:count])
    assert seen.rows.shape == (count, Heuristic.maker.dims)
    assert seen.rows.dtype == np.float32
    assert seen.brightness.shape == seen.motion.shape == (count,)
    length = np.linalg.norm(seen.rows, axis=1)
    assert np.all(np.isclose(length, 1, atol=1e-5) | (length == 0))


def test_rows_of_work_are_not_zero() -> None:
    assert rows_of(WORK).rows.any(axis=1).all()


def test_the_same_samples_give_the_same_rows() -> None:
    one, other = rows_of(WORK), rows_of(WORK)
    for name in ("rows", "brightness", "motion"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("at_once", [1, 7, 63, 64, 65, 1000])
def test_it_does_not_matter_how_many_pictures_are_computed_together(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = rows_of(WORK)
    monkeypatch.setattr(heuristic, "AT_ONCE", at_once)
    other = rows_of(WORK)
    np.testing.assert_allclose(other.rows, usual.rows, atol=1e-4)
    np.testing.assert_allclose(other.motion, usual.motion, atol=1e-6)


@pytest.mark.parametrize("count", [63, 64, 65])
def test_a_video_may_end_around_where_a_computation_ends(count: int) -> None:
    seen = rows_of(WORK[:count])
    assert len(seen.rows) == count
    assert seen.motion.min() > 0


@pytest.mark.parametrize(
    "filmed",
    [
        pytest.param(lambda pictures: brighter(pictures, 0.8), id="darker"),
        pytest.param(lambda pictures: brighter(pictures, 1.2), id="brighter"),
        pytest.param(lambda pictures: shifted(pictures, 2, 3), id="shifted"),
        pytest.param(lambda pictures: shifted(pictures, 6, 6), id="from elsewhere"),
        pytest.param(lambda pictures: noisy(pictures, 4), id="noisy"),
        pytest.param(
            lambda pictures: [brighter([one], 1 + 0.2 * np.sin(at / 5))[0] for at, one in enumerate(pictures)],
            id="flickering",
        ),
    ],
)
def test_work_is_more_like_itself_filmed_otherwise_than_like_other_work(
    filmed: Callable[[list[Picture]], list[Picture]],
) -> None:
    plain, other = rows_of(WORK), rows_of(filmed(WORK))
    for part in range(3):
        own = alike(plain, other, part, part)
        assert own > 0.95
        assert max(alike(plain, other, part, away) for away in range(3) if away != part) < 0.2


def test_colour_alone_tells_things_apart() -> None:
    seen = rows_of([*moved(RED), *moved(BLUE)])
    again = rows_of(noisy([*moved(RED), *moved(BLUE)], 3))
    assert alike(seen, again, 0, 0) > alike(seen, again, 0, 1) + 0.2


def test_place_alone_tells_things_apart() -> None:
    work = [*moved(RED, high=0.0), *moved(RED, high=1.0)]
    seen, again = rows_of(work), rows_of(noisy(work, 3))
    assert alike(seen, again, 0, 0) > alike(seen, again, 0, 1) + 0.2


@pytest.mark.parametrize("count", [12, 100])
def test_black_pictures_leave_the_others_as_they_are(count: int) -> None:
    black = [np.zeros_like(bench())] * count
    broken, plain = rows_of([*WORK[:48], *black, *WORK[48:]]), rows_of(WORK)
    assert np.isfinite(broken.rows).all()
    assert broken.brightness[52 : 44 + count].max() == 0
    assert alike(broken, plain, 0, 0) > 0.9
    assert alike(broken, plain, 1, 1) > 0.9
    after = broken.rows[count + 52 : count + 68]
    assert float(np.median(np.sum(after * plain.rows[52:68], axis=1))) > 0.9


def test_a_video_of_black_pictures_has_rows_without_a_number_that_is_none() -> None:
    seen = rows_of([np.zeros_like(bench())] * 20)
    assert np.isfinite(seen.rows).all()
    assert (seen.brightness.max(), seen.motion.max()) == (0, 0)


def test_a_still_video_has_no_motion() -> None:
    assert rows_of([bench()] * 40).motion.max() < 1e-6
    assert rows_of(noisy([bench()] * 40, 3)).motion.max() < 0.05 * float(np.median(rows_of(WORK).motion))


def test_motion_tells_when_something_is_done() -> None:
    seen = rows_of([*[bench()] * 30, *moved(RED), *[bench()] * 30])
    assert seen.motion[:26].max() < 0.05 * seen.motion[34:50].min()
    assert seen.motion[58:].max() < 0.05 * seen.motion[34:50].min()


def test_presence_tells_how_much_is_there_in_the_rows_own_time() -> None:
    presence = rows_of([*[bench()] * 30, *moved(RED), *[bench()] * 30]).presence
    assert presence is not None
    assert presence[:30].max() < 0.05 * presence[30:54].min()
    assert presence[-30:].max() < 0.05 * presence[30:54].min()


def test_brightness_is_that_of_the_pictures() -> None:
    grey = [np.full_like(bench(), level) for level in [51] * 12 + [204] * 12]
    seen = rows_of(grey)
    np.testing.assert_allclose(seen.brightness[:8], 0.2, atol=1e-3)
    np.testing.assert_allclose(seen.brightness[16:], 0.8, atol=1e-3)


@pytest.mark.parametrize("shape", [(180, 320), (320, 180), (36, 64), (20, 30)])
def test_pictures_of_any_size_give_as_many_numbers(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 255, (*shape, 3), dtype=np.uint8) for _ in range(8)]
    assert rows_of(pictures).rows.shape == (8, Heuristic.maker.dims)


def test_no_pictures_are_an_error() -> None:
    with pytest.raises(EmbeddingError, match="no picture") as caught:
        rows_of([])
    assert caught.value.code == "no_pictures"


def test_a_long_video_is_taken_in_a_stretch_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heuristic, "STRETCH", 20)
    taken: list[int] = []
    computed_after: list[int] = []

    def counted() -> Iterator[Sample]:
        for sample in samples(WORK):
            taken.append(sample.index)
            yield sample

    def noted(planes: Floats, still: Still) -> Foreground:
        computed_after.append(len(taken))
        return foreground(planes, still)

    monkeypatch.setattr(heuristic, "foreground", noted)
    assert len(Heuristic().embed(counted()).rows) == len(WORK)
    assert sorted(set(computed_after)) == [20, 40, 60, 72]


@pytest.mark.parametrize("over", [0, 1, 5])
def test_a_video_longer_than_a_stretch_has_a_row_a_sample_to_its_end(over: int) -> None:
    count = heuristic.STRETCH + over
    tiny = [np.ascontiguousarray(picture[::4, ::4]) for picture in WORK]
    pictures = [tiny[number % len(tiny)] for number in range(count)]
    seen = rows_of(pictures)
    assert len(seen.rows) == len(seen.motion) == count
    assert seen.rows.any(axis=1).all()
    assert np.median(np.sum(seen.rows[4:20] * seen.rows[724:740], axis=1)) > 0.95


def test_the_background_of_a_short_last_stretch_is_what_the_one_before_it_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pictures = [*[bench()] * 20, *moved(RED, 40), *repeat(with_thing(0.3, 0.5, RED), 8)]
    whole = rows_of(pictures)
    monkeypatch.setattr(heuristic, "STRETCH", 60)
    seen = rows_of(pictures)
    assert np.sum(seen.rows[60:] * whole.rows[60:], axis=1).min() > 0.9


def aspect(seen: Seen, name: str, part: slice) -> np.ndarray:
    """Give the mean direction of an aspect."""
    first, end = Heuristic.maker.aspects[name]
    mean = seen.rows[part, first:end].mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean))


@pytest.mark.parametrize(
    ("other", "changed", "kept"),
    [
        (moved(GREEN, high=0.3), "held", "place"),
        (moved(RED, high=0.75), "place", "held"),
    ],
)
def test_each_aspect_tells_what_it_is_named_for(other: list[Picture], changed: str, kept: str) -> None:
    rest = [*moved(BLUE, size=(8, 26), high=0.6), *[bench()] * 12]
    one, two = rows_of([*moved(RED, high=0.3), *rest]), rows_of([*other, *rest])
    middle = slice(6, PART - 6)
    same = {name: float(aspect(one, name, middle) @ aspect(two, name, middle)) for name in (changed, kept)}
    assert same[changed] < 0.5
    assert same[kept] > same[changed] + 0.3
