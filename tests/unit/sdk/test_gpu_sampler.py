# SPDX-License-Identifier: Apache-2.0
"""The GPU sampler, against a library that plays NVML."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from ovpo_sdk.gpu import GpuSampler, chosen
from ovpo_sdk.records import GpuMetrics
from tests.unit.sdk.playing_nvml import Nvml, NVMLError

SOON = 10.0


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> Nvml:
    library = Nvml()
    monkeypatch.setitem(sys.modules, "pynvml", library)
    return library


Make = Callable[..., GpuSampler]


@pytest.fixture
def sampling() -> Iterator[Make]:
    made: list[GpuSampler] = []

    def make(**given: Any) -> GpuSampler:
        made.append(GpuSampler(0.001, **given))
        return made[-1]

    yield make
    for sampler in made:
        sampler.stop()


def until(reached: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON
    while not reached():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.001)


def test_the_first_gpu_is_looked_at_again_and_again(nvml: Nvml, sampling: Make) -> None:
    sampler = sampling()
    until(sampler.last)
    assert sampler.available
    assert sampler.last() == GpuMetrics(1024.0, 10.0, 40.0)
    nvml.use[0] = 99
    until(lambda: sampler.last() == GpuMetrics(1024.0, 99.0, 40.0))


def test_of_several_gpus_memory_adds_up_and_the_hottest_counts(nvml: Nvml, sampling: Make) -> None:
    sampler = sampling(indices=(0, 2))
    until(sampler.last)
    assert sampler.last() == GpuMetrics(1024.0 + 4096.0, 20.0, 60.0)


def test_the_first_visible_gpu_is_the_first(nvml: Nvml, sampling: Make) -> None:
    by_place, by_id = sampling(visible="2,0"), sampling(visible="GPU-1a")
    until(lambda: by_place.last() and by_id.last())
    assert by_place.last() == GpuMetrics(4096.0, 30.0, 60.0)
    assert by_id.last() == GpuMetrics(2048.0, 20.0, 50.0)


@pytest.mark.parametrize("visible", ["", "-1", "7", "GPU-9", "none"])
def test_without_a_visible_gpu_there_are_no_metrics(nvml: Nvml, sampling: Make, visible: str) -> None:
    sampler = sampling(visible=visible)
    until(lambda: not sampler.available)
    assert sampler.last() is None
    until(lambda: nvml.open == 0)


@pytest.mark.parametrize(
    ("visible", "indices", "meant"),
    [
        (None, (0,), [0]),
        (None, (1, 5), [1]),
        ("1, 2", (0, 1), [1, 2]),
        ("2,-1,0", (0, 1), [2]),
        ("GPU-ab,1", (0, 1), ["GPU-ab", 1]),
        ("MIG-ab", (0,), ["MIG-ab"]),
        ("9,0", (0,), []),
    ],
)
def test_visible_gpus_count_up_to_a_mistake(visible: str | None, indices: tuple[int, ...], meant: list[Any]) -> None:
    assert chosen(visible, indices, 3) == meant


def test_what_a_gpu_cannot_tell_is_left_out(nvml: Nvml, sampling: Make) -> None:
    nvml.use[0] = NVMLError(3)
    nvml.heat[0] = 255
    sampler = sampling()
    until(sampler.last)
    assert sampler.last() == GpuMetrics(1024.0, None, None)


@pytest.mark.parametrize("fault", [NVMLError(15), OSError("gone")])
def test_a_gpu_that_is_lost_ends_the_metrics_with_one_word(
    nvml: Nvml, sampling: Make, caplog: pytest.LogCaptureFixture, fault: Exception
) -> None:
    sampler = sampling()
    until(sampler.last)
    with caplog.at_level(logging.DEBUG, "ovpo_sdk"):
        nvml.memory[0] = fault
        until(lambda: not sampler.available)
    assert sampler.last() is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    until(lambda: nvml.open == 0)


def test_without_a_driver_there_are_no_metrics_and_no_word(
    nvml: Nvml, sampling: Make, caplog: pytest.LogCaptureFixture
) -> None:
    nvml.driver = NVMLError(9)
    with caplog.at_level(logging.DEBUG, "ovpo_sdk"):
        sampler = sampling()
        until(lambda: not sampler.available)
    assert sampler.last() is None
    assert caplog.records == []


def test_without_the_library_there_is_no_thread(sampling: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    before = threading.active_count()
    sampler = sampling()
    assert not sampler.available
    assert sampler.last() is None
    assert threading.active_count() == before


def test_a_stopped_sampler_looks_no_more(nvml: Nvml, sampling: Make) -> None:
    sampler = sampling()
    until(sampler.last)
    sampler.stop()
    until(lambda: nvml.open == 0)
    looks = nvml.looks
    assert sampler.last() is None
    assert not sampler.available
    sampler.restart_after_fork()
    assert nvml.looks == looks


def test_the_real_library_without_a_driver_gives_none(sampling: Make, caplog: pytest.LogCaptureFixture) -> None:
    pynvml = import_module("pynvml")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        pass
    else:
        pynvml.nvmlShutdown()
        pytest.skip("this machine has a driver")
    sampler = sampling()
    until(lambda: not sampler.available)
    assert sampler.last() is None
    assert caplog.records == []
