# SPDX-License-Identifier: Apache-2.0
"""`platform/devices_observed`: what it finds on this machine, and when the GPU lane does not keep its promise."""

from pathlib import Path

import dagster as dg
import pytest

from ovpo.foundation.settings.tree import Executor, Settings
from ovpo_assets.devices import CHECK, device_faults, devices_observed
from resources.devices import Devices, observe

H100 = "NVIDIA H100 80GB HBM3"


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    """Lay out what the driver of a machine with one GPU shows below /proc."""
    (tmp_path / "version").write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15\nGCC version: 12\n")
    device = tmp_path / "gpus" / "0000:19:00.0"
    device.mkdir(parents=True)
    (device / "information").write_text(f"Model: \t\t {H100}\nIRQ:   \t\t 42\nBus Location: \t 0000:19:00.0\n")
    return tmp_path


def test_the_models_that_the_driver_lists_are_found(driver: Path) -> None:
    assert (observe(driver).listed, observe(driver).driver) == (
        (H100,),
        "NVIDIA UNIX x86_64 Kernel Module  570.86.15",
    )


def test_a_machine_without_a_driver_has_no_devices(tmp_path: Path) -> None:
    assert (observe(tmp_path).listed, observe(tmp_path).driver) == ((), "")


def test_a_machine_without_a_gpu_keeps_the_lane_unless_the_lane_asked_for_one() -> None:
    none = Devices(driver="", listed=(), usable=None)
    assert device_faults(none, Executor.IN_PROCESS) == []
    assert len(device_faults(none, Executor.K8S)) == 1


def test_a_device_that_cuda_cannot_use_is_a_fault() -> None:
    assert device_faults(Devices("570", (H100,), usable=(H100,)), Executor.K8S) == []
    assert len(device_faults(Devices("570", (H100,), usable=()), Executor.IN_PROCESS)) == 1


def test_cuda_that_nobody_could_ask_is_not_called_broken() -> None:
    assert device_faults(Devices("570", (H100,), usable=None), Executor.IN_PROCESS) == []


def observed(executor: Executor, tmp_path: Path) -> dg.ExecuteInProcessResult:
    settings = Settings(home=tmp_path, executor=executor)
    return dg.materialize([devices_observed], resources={"settings": settings})


def test_the_asset_tells_what_this_machine_has(tmp_path: Path) -> None:
    result = observed(Executor.IN_PROCESS, tmp_path)
    (event,) = result.asset_materializations_for_node("platform__devices_observed")
    here = observe()
    assert event.metadata["devices"].value == (", ".join(here.listed) or "cpu only")
    (check,) = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == (CHECK, not device_faults(here, Executor.IN_PROCESS))


@pytest.mark.skipif(bool(observe().listed), reason="this machine has a GPU")
def test_a_lane_that_asked_for_a_gpu_and_got_none_fails_its_check(tmp_path: Path) -> None:
    (check,) = observed(Executor.K8S, tmp_path).get_asset_check_evaluations()
    assert not check.passed
