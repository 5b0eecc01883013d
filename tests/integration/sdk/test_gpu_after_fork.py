# SPDX-License-Identifier: Apache-2.0
"""The GPU sampler in a child process, where no thread of its parent's lives."""

import os
import sys
import time

import pytest

from ovpo_sdk.gpu import GpuSampler
from ovpo_sdk.records import GpuMetrics
from tests.unit.sdk.playing_nvml import Nvml

SOON = 10.0


def sees(sampler: GpuSampler, metrics: GpuMetrics) -> bool:
    deadline = time.monotonic() + SOON
    while sampler.last() != metrics:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


def test_a_restarted_sampler_looks_in_the_child_too(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = Nvml()
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    sampler = GpuSampler(0.001)
    try:
        assert sees(sampler, GpuMetrics(1024.0, 10.0, 40.0))
        child = os.fork()
        if child == 0:
            sampler.restart_after_fork()
            nvml.use[0] = 77
            os._exit(0 if sees(sampler, GpuMetrics(1024.0, 77.0, 40.0)) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        sampler.stop()
