# SPDX-License-Identifier: Apache-2.0
"""Whether a device counts as there."""

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from ovpo.sop.dtw.gpu import device


def library(*, count: int = 1, capability: str = "90") -> Any:
    return SimpleNamespace(
        cuda=SimpleNamespace(
            nvrtc=SimpleNamespace(getVersion=lambda: (12, 9)),
            runtime=SimpleNamespace(getDeviceCount=lambda: count, memGetInfo=lambda: (1000, 4000)),
            Device=lambda: SimpleNamespace(compute_capability=capability),
        ),
        get_default_memory_pool=lambda: SimpleNamespace(free_bytes=lambda: 200),
    )


@pytest.mark.parametrize(
    ("count", "capability", "there"),
    [(1, "80", True), (2, "90", True), (1, "120", True), (1, "75", False), (0, "90", False)],
)
def test_a_device_is_there_from_compute_capability_8_0_on(
    monkeypatch: pytest.MonkeyPatch, count: int, capability: str, there: bool
) -> None:
    monkeypatch.setattr(device, "cupy", lambda: library(count=count, capability=capability))
    assert device.available() is there


@pytest.mark.parametrize("error", [ImportError, OSError, RuntimeError, AttributeError])
def test_whatever_goes_wrong_means_that_there_is_no_device(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fails() -> Any:
        raise error("libcuda.so.1")

    monkeypatch.setattr(device, "cupy", fails)
    assert device.available() is False


def test_room_counts_what_cupy_only_keeps_and_leaves_a_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "cupy", library)
    assert device.room() == 1080


def test_importing_the_alignment_imports_no_cupy() -> None:
    code = "import sys, ovpo.sop.dtw.gpu.aligning, ovpo.sop.dtw.gpu.device; assert 'cupy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
