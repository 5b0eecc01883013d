# SPDX-License-Identifier: Apache-2.0
"""A GPU is used where it agrees with the CPU, and only there."""

import logging
from collections.abc import Sequence

import numpy as np
import pytest

from ovpo.sop.dtw import alignment
from ovpo.sop.dtw.alignment import Alignment, align, align_many
from ovpo.sop.dtw.devices import Devices, Gpu
from ovpo.sop.dtw.inputs import Numbers

GOLD = np.random.default_rng(37).standard_normal((30, 8), dtype=np.float32)


class FakeGpu:
    """Aligns on the CPU, counts, and errs as it is told to."""

    def __init__(self, *, shift: float = 0, fails_after: int = 1000) -> None:
        self.shift, self.left, self.calls = shift, fails_after, 0

    def align(self, gold: Numbers, trainee: Numbers, *, normalized: bool = False) -> Alignment:
        self.calls += 1
        if self.calls > self.left:
            raise MemoryError
        found = align(gold, trainee, normalized=normalized, device="cpu")
        return Alignment(found.path, found.mean_cost + self.shift, found.total_cost)

    def align_many(self, gold: Numbers, trainees: Sequence[Numbers], *, normalized: bool = False) -> list[Alignment]:
        return [self.align(gold, trainee, normalized=normalized) for trainee in trainees]


@pytest.fixture
def worth(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(alignment, "WORTH_A_GPU", 1)
    return monkeypatch


def use(patch: pytest.MonkeyPatch, gpu: Gpu | None) -> None:
    patch.setattr(alignment, "DEVICES", Devices(lambda: gpu))


def test_a_gpu_that_agrees_is_checked_once_and_used(worth: pytest.MonkeyPatch) -> None:
    gpu = FakeGpu()
    use(worth, gpu)
    align(GOLD, GOLD)
    align(GOLD, GOLD)
    align_many(GOLD, [GOLD, GOLD])
    assert gpu.calls == 1 + 1 + 1 + 2


def test_a_gpu_that_disagrees_is_not_used(worth: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "ovpo.sop.dtw")
    gpu = FakeGpu(shift=1e-3)
    use(worth, gpu)
    assert align(GOLD, GOLD).mean_cost == align(GOLD, GOLD, device="cpu").mean_cost
    assert gpu.calls == 1
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


@pytest.mark.parametrize("fails_after", [0, 1])
def test_a_gpu_that_fails_is_left_alone_after_one_warning(
    worth: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fails_after: int
) -> None:
    caplog.set_level(logging.WARNING, "ovpo.sop.dtw")
    gpu = FakeGpu(fails_after=fails_after)
    use(worth, gpu)
    for _ in range(3):
        assert align(GOLD, GOLD).mean_cost == align(GOLD, GOLD, device="cpu").mean_cost
    assert len(align_many(GOLD, [GOLD, GOLD])) == 2
    assert gpu.calls == fails_after + 1
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_the_cpu_is_used_where_it_is_asked_for_and_for_small_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = FakeGpu()
    use(monkeypatch, gpu)
    align(GOLD, GOLD)
    monkeypatch.setattr(alignment, "WORTH_A_GPU", 1)
    align(GOLD, GOLD, device="cpu")
    align_many(GOLD, [GOLD], device="cpu")
    assert gpu.calls == 0


def test_no_gpu_is_no_fault(worth: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "ovpo.sop.dtw")
    use(worth, None)
    align(GOLD, GOLD)
    assert not caplog.records
