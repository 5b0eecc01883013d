# SPDX-License-Identifier: Apache-2.0
"""The GPU alignment on an emulated device: the shipped kernels and the code that launches them, without a GPU."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ovpo.sop.dtw import reference
from ovpo.sop.dtw.gpu import device, kernels
from ovpo.sop.dtw.gpu.aligning import align, align_many, cheapest_paths
from ovpo.sop.dtw.gpu.geometry import TILING, Tiling, layout
from ovpo.sop.errors import AlignmentError
from tests.unit.sop.dtw_gpu.emulated_cupy import COMPILER, Device, broken

pytestmark = pytest.mark.skipif(
    COMPILER is None, reason="the emulator of a GPU is compiled with g++, which is not here"
)

NARROW = Tiling(rows_per_lane=1, warps=2)
"""64 rows a block: small matrices need many blocks."""
FLAT = Tiling(rows_per_lane=4, warps=1)
Matrix = NDArray[np.float32]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("emulated")


@pytest.fixture
def gpu(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    emulated = Device(folder)
    monkeypatch.setattr(device, "cupy", lambda: emulated)
    kernels._compiled.cache_clear()
    yield emulated
    kernels._compiled.cache_clear()


def assert_alike(similarity: Matrix, lengths: list[int], tiling: Tiling) -> None:
    begin = 0
    for length, found in zip(lengths, cheapest_paths(similarity, lengths, tiling), strict=True):
        path, mean, total = reference.align(similarity[:, begin : begin + length])
        assert found.total_cost == total
        assert found.path.dtype == np.int32
        assert found.path.tolist() == path.tolist()
        assert found.mean_cost == mean
        begin += length


def smooth(random: np.random.Generator, shape: tuple[int, int]) -> Matrix:
    return random.uniform(-1, 1, shape).astype(np.float32)


def tied(random: np.random.Generator, shape: tuple[int, int]) -> Matrix:
    return (random.integers(0, 3, shape) / 2).astype(np.float32)


def flat(_random: np.random.Generator, shape: tuple[int, int]) -> Matrix:
    return np.zeros(shape, np.float32)


KINDS = [smooth, tied, flat]
SIZES = [(1, 1), (1, 70), (70, 1), (31, 33), (32, 32), (64, 64), (65, 31), (63, 130), (129, 97), (200, 64)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tiling", [NARROW, TILING, FLAT])
def test_one_pair_has_the_total_and_the_path_of_the_reference(
    gpu: Device, tiling: Tiling, kind: Callable[[np.random.Generator, tuple[int, int]], Matrix]
) -> None:
    random = np.random.default_rng(7)
    for shape in SIZES:
        assert_alike(kind(random, shape), [shape[1]], tiling)


@pytest.mark.parametrize("shape", [(256, 40), (257, 33), (300, 70), (520, 65)])
def test_a_pair_of_several_blocks_is_handed_from_block_to_block(gpu: Device, shape: tuple[int, int]) -> None:
    random = np.random.default_rng(8)
    for kind in KINDS:
        assert_alike(kind(random, shape), [shape[1]], TILING)


@pytest.mark.parametrize("resident", [1, 2, 7])
def test_any_number_of_resident_blocks_and_any_order_of_theirs_ends_with_the_same_paths(
    gpu: Device, resident: int
) -> None:
    gpu.resident = resident
    random = np.random.default_rng(resident)
    for seed in range(6):
        gpu.seed = seed * 1000
        lengths = random.integers(1, 90, 3).tolist()
        assert_alike(tied(random, (int(random.integers(129, 330)), sum(lengths))), lengths, NARROW)


@pytest.mark.parametrize("tiling", [NARROW, TILING])
def test_many_pairs_of_odd_lengths_in_one_launch_are_each_aligned_alone(gpu: Device, tiling: Tiling) -> None:
    random = np.random.default_rng(9)
    for _ in range(20):
        lengths = random.integers(1, 60, int(random.integers(1, 12))).tolist()
        kind = KINDS[int(random.integers(3))]
        assert_alike(kind(random, (int(random.integers(1, 75)), sum(lengths))), lengths, tiling)
    assert gpu.launches == ["wavefront", "walk_back"] * 20


def test_rows_are_brought_to_length_one_and_rows_of_zeros_cost_one_each(gpu: Device) -> None:
    random = np.random.default_rng(10)
    gold = random.normal(size=(40, 37)).astype(np.float32) * 9
    trainee = np.repeat(gold, 2, axis=0) / np.float32(3)
    gold[5] = 0
    found = align(gold, trainee)
    path, _, total = reference.align(reference.cosines(gold, trainee))
    assert found.total_cost == pytest.approx(total, abs=1e-5)
    assert 0.9 < found.total_cost < 2.1
    assert len(found.path) == len(path)
    nothing = align(np.zeros((3, 4), np.float32), random.normal(size=(5, 4)).astype(np.float32))
    assert nothing.total_cost == 5.0
    assert nothing.mean_cost == 1.0
    assert nothing.path.tolist() == [[0, 0], [0, 1], [0, 2], [1, 3], [2, 4]]


def test_rows_said_to_be_normalized_are_taken_as_they_are(gpu: Device) -> None:
    gold = np.eye(3, dtype=np.float32)
    assert align(gold, gold / 2, normalized=True).total_cost == 1.5
    assert align(gold, gold / 2).total_cost == pytest.approx(0, abs=1e-6)
    assert gpu.launches.count("unit_rows") == 2


def test_very_long_and_very_short_rows_keep_their_direction(gpu: Device) -> None:
    gold = np.array([[3e30, 4e30], [0, 2e-30]], np.float32)
    assert align(gold, np.array([[3, 4], [0, 1]], np.float32)).total_cost == pytest.approx(0, abs=1e-6)


def test_many_trainees_in_several_runs_give_what_each_gives_alone(gpu: Device) -> None:
    random = np.random.default_rng(11)
    gold = random.integers(-2, 3, (20, 8)).astype(np.float32)
    trainees = [random.integers(-2, 3, (int(n), 8)).astype(np.float32) for n in random.integers(1, 40, 9)]
    alone = [align(gold, trainee) for trainee in trainees]
    gpu.cuda.runtime.memGetInfo = lambda: (40_000, 40_000)
    gpu.launches.clear()
    together = align_many(gold, trainees)
    assert gpu.launches.count("wavefront") > 1
    assert [found.path.tolist() for found in together] == [found.path.tolist() for found in alone]
    assert align_many(gold, []) == []


def test_a_pair_that_does_not_fit_is_refused_before_anything_is_launched(gpu: Device) -> None:
    gpu.cuda.runtime.memGetInfo = lambda: (100_000, 100_000)
    rows = np.ones((300, 4), np.float32)
    with pytest.raises(AlignmentError, match=r"300 gold rows by 300 rows need .* GiB") as refusal:
        align(rows, rows, normalized=True)
    assert refusal.value.code == "too_large"
    assert gpu.launches == []


def test_memory_that_runs_out_on_the_way_is_the_same_refusal(gpu: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(gpu, "empty", exhausted)
    with pytest.raises(AlignmentError) as refusal:
        align(np.ones((3, 2), np.float32), np.ones((3, 2), np.float32))
    assert refusal.value.code == "too_large"


def test_the_memory_that_is_asked_for_is_the_memory_that_is_stated(gpu: Device) -> None:
    similarity = np.zeros((130, 200), np.float32)
    cheapest_paths(similarity, [150, 50], NARROW)
    plan = layout(130, [150, 50], NARROW)
    starts = plan.first_column.nbytes + plan.first_step.nbytes
    assert gpu.allocated + similarity.nbytes + starts == plan.device_bytes


@pytest.mark.parametrize("where", [0, 50, 99])
@pytest.mark.parametrize("what", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_refused_wherever_it_stands(gpu: Device, where: int, what: float) -> None:
    rows = np.random.default_rng(12).normal(size=(100, 6)).astype(np.float32)
    hurt = rows.copy()
    hurt[where, 3] = what
    for pair in ((rows, hurt), (hurt, rows)):
        with pytest.raises(AlignmentError) as refusal:
            align(*pair)
        assert refusal.value.code == "not_finite"


@pytest.mark.parametrize(
    ("gold", "trainee", "name", "code"),
    [
        ((3, 4), (3, 5), "trainees.0.", "width_mismatch"),
        ((0, 4), (3, 4), "gold", "empty"),
        ((3, 4), (3,), "trainees.0.", "not_two_dimensional"),
    ],
)
def test_rows_of_the_wrong_shape_are_refused_by_name(
    gpu: Device, gold: tuple[int, ...], trainee: tuple[int, ...], name: str, code: str
) -> None:
    with pytest.raises(AlignmentError, match=name) as refusal:
        align(np.ones(gold, np.float32), np.ones(trainee, np.float32))
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("fault", "remedy"),
    [
        ("left_first && left < up", "left_first && left <= up"),
        ("constexpr int RING = 128;", "constexpr int RING = 64;"),
        ("while (watch(done - 1) < needed)", "if (watch(done - 1) < needed)"),
        ("      wait_for_copies();\n", ""),
        ("*drawn = (int)atomicAdd(tickets, 1u)", "*drawn = blockIdx.x"),
    ],
)
def test_the_emulator_finds_a_broken_kernel(
    gpu: Device, monkeypatch: pytest.MonkeyPatch, fault: str, remedy: str
) -> None:
    code = broken(kernels.source(NARROW), fault, remedy)
    monkeypatch.setattr(kernels, "source", lambda _: code)
    gpu.resident = 2
    random = np.random.default_rng(13)

    def align_some() -> None:
        for kind in KINDS:
            for rows in (200, 290):
                assert_alike(kind(random, (rows, 210)), [100, 110], NARROW)

    with pytest.raises((AssertionError, RuntimeError, AlignmentError), match=r"assert|nobody can go on|not finite"):
        align_some()
