# SPDX-License-Identifier: Apache-2.0
"""Every fast way of aligning takes the very path of the textbook's, and pays the very same."""

from collections.abc import Iterator
from threading import Thread

import numpy as np
import pytest
from numpy.typing import NDArray

from ovpo.sop.dtw import reference, wavefront
from ovpo.sop.dtw.alignment import Alignment, align, align_from_similarity, align_many, open_ended
from ovpo.sop.dtw.compiled.loading import LOADING
from ovpo.sop.dtw.directions import Programme
from ovpo.sop.dtw.passing import cheapest_path
from ovpo.sop.dtw.similarity import Cosines, Matrix, measured, product_height, whole

PAIRS = 10_000


@pytest.fixture(scope="module")
def programmes() -> list[Programme]:
    assert LOADING.ready(120)
    return [wavefront.PROGRAMME, LOADING.now]


def cosines(gold: NDArray[np.float32], trainee: NDArray[np.float32]) -> Cosines:
    return Cosines(measured("gold", gold, normalized=False), measured("trainee", trainee, normalized=False))


def small_pairs(count: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Rows of few small whole numbers: many are equal, some are zero, many costs tie."""
    random = np.random.default_rng(20_061)
    for number in range(count):
        longest = 20 if number % 20 == 0 else 9
        height, width, dims = random.integers(1, longest), random.integers(1, longest), random.integers(1, 4)
        rows = random.integers(-1, 2, (height + width, dims)).astype(np.float32)
        yield rows[:height], rows[height:]


def test_ten_thousand_pairs_full_of_ties_take_the_textbook_s_path(programmes: list[Programme]) -> None:
    for gold, trainee in small_pairs(PAIRS):
        similarity = cosines(gold, trainee)
        path, _, total = reference.align(whole(similarity))
        for programme in programmes:
            found, cost = cheapest_path(similarity, programme)
            assert np.array_equal(found, path), (programme.name, gold, trainee)
            assert cost == total, (programme.name, gold, trainee)


def test_open_ends_take_the_textbook_s_path(programmes: list[Programme]) -> None:
    for number, (gold, trainee) in enumerate(small_pairs(1500)):
        similarity = cosines(gold, trainee)
        begin, end = number % 3 != 1, number % 3 != 2
        path, _, total = reference.align(whole(similarity), open_begin=begin, open_end=end)
        for programme in programmes:
            found, cost = cheapest_path(similarity, programme, open_begin=begin, open_end=end)
            assert np.array_equal(found, path), (programme.name, gold, trainee)
            assert cost == total


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 300), (300, 1), (7, 200), (200, 7), (131, 137), (64, 65)])
def test_longer_sequences_take_the_textbook_s_path(programmes: list[Programme], height: int, width: int) -> None:
    similarity = Matrix(np.random.default_rng(3).integers(-2, 3, (height, width)).astype(np.float32) / np.float32(2))
    path, mean, total = reference.align(whole(similarity))
    for programme in programmes:
        found, cost = cheapest_path(similarity, programme)
        assert np.array_equal(found, path)
        assert cost == total
        assert cost / len(found) == mean


def test_both_programmes_agree_on_more_rows_than_one_product_has(programmes: list[Programme]) -> None:
    random = np.random.default_rng(5)
    rows = random.standard_normal((2300, 3), dtype=np.float32)
    similarity = cosines(rows[:1700], rows[1700:])
    assert similarity.height > 2 * product_height(similarity.width)
    (numpy_path, numpy_total), (path, total) = (cheapest_path(similarity, programme) for programme in programmes)
    assert np.array_equal(numpy_path, path)
    assert numpy_total == total


@pytest.mark.parametrize("held_bytes", [1, 70_000])
@pytest.mark.parametrize("open_ends", [False, True])
def test_directions_that_do_not_fit_are_found_again(
    programmes: list[Programme], monkeypatch: pytest.MonkeyPatch, held_bytes: int, open_ends: bool
) -> None:
    monkeypatch.setattr("ovpo.sop.dtw.similarity.TALLEST", 16)
    random = np.random.default_rng(11)
    similarity = cosines(*np.split(random.integers(-1, 2, (700, 4)).astype(np.float32), [333]))
    wanted = [
        cheapest_path(similarity, programme, open_begin=open_ends, open_end=open_ends) for programme in programmes
    ]
    for programme, (path, total) in zip(programmes, wanted, strict=True):
        narrow = Programme(programme.name, programme.shape, programme.advance, programme.trace, cells=0)
        found, cost = cheapest_path(similarity, narrow, open_begin=open_ends, open_end=open_ends, held_bytes=held_bytes)
        assert np.array_equal(found, path)
        assert cost == total


def test_a_batch_gives_what_single_calls_give() -> None:
    random = np.random.default_rng(13)
    gold = random.standard_normal((90, 24), dtype=np.float32)
    trainees = [random.standard_normal((length, 24), dtype=np.float32) for length in (1, 5, 90, 131, 64)]
    for one, of_batch in zip((align(gold, trainee) for trainee in trainees), align_many(gold, trainees), strict=True):
        assert_same(one, of_batch)


def test_threads_do_not_disturb_one_another() -> None:
    random = np.random.default_rng(17)
    pairs = [np.split(random.standard_normal((160, 24), dtype=np.float32), [75]) for _ in range(8)]
    wanted = [align(*pair) for pair in pairs]
    found: dict[int, Alignment] = {}

    def work(place: int) -> None:
        for _ in range(20):
            found[place] = align(*pairs[place])

    threads = [Thread(target=work, args=(place,)) for place in range(len(pairs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for place, one in enumerate(wanted):
        assert_same(one, found[place])


def test_a_matrix_gives_what_its_rows_give() -> None:
    random = np.random.default_rng(19)
    gold, trainee = np.split(random.standard_normal((150, 24), dtype=np.float32), [75])
    assert_same(align(gold, trainee), align_from_similarity(whole(cosines(gold, trainee))))


def test_exchanging_the_two_mirrors_the_path() -> None:
    random = np.random.default_rng(23)
    gold, trainee = np.split(random.standard_normal((150, 24), dtype=np.float32), [70])
    there, back = align(gold, trainee), align(trainee, gold)
    assert np.array_equal(there.path, back.path[:, ::-1])
    assert there.total_cost == pytest.approx(back.total_cost, abs=1e-4)


def test_an_open_end_leaves_out_nothing_that_a_closed_one_needs() -> None:
    random = np.random.default_rng(29)
    gold = random.standard_normal((40, 24), dtype=np.float32)
    assert_same(align(gold, gold), open_ended(gold, gold))


def assert_same(one: Alignment, other: Alignment) -> None:
    assert np.array_equal(one.path, other.path)
    assert one.total_cost == other.total_cost
    assert one.mean_cost == other.mean_cost
