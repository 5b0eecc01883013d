# SPDX-License-Identifier: Apache-2.0
"""What the GPU lane really runs on. Asked inside a step of that lane, since nothing else can tell."""

import dagster as dg
import polars as pl

from ovpo.foundation.settings.tree import Executor, Settings
from ovpo_assets import lanes
from ovpo_assets.checks.verdict import verdict
from ovpo_assets.groups import PLATFORM
from resources import devices
from resources.devices import Devices

KEY = dg.AssetKey([PLATFORM, "devices_observed"])
CHECK = "lane_has_its_device"
FAULT = {"fault": pl.String}


# Beside checks of its own Dagster takes only a bare MaterializeResult.
@dg.asset(
    key=KEY,
    group_name=PLATFORM,
    kinds={"cuda"},
    op_tags=lanes.GPU,
    pool=lanes.GPU_POOL,
    check_specs=[dg.AssetCheckSpec(CHECK, asset=KEY, description="A lane that asks for a GPU has one that computes.")],
)
def devices_observed(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """The accelerators that a step of the GPU lane finds on its machine: on a laptop usually none."""
    found = devices.observe()
    faults = pl.DataFrame({"fault": device_faults(found, settings.executor)}, schema=FAULT)
    return dg.MaterializeResult(
        metadata={
            "devices": ", ".join(found.listed) or "cpu only",
            "driver": found.driver or "none",
            "cuda": "not asked, torch is not installed" if found.usable is None else ", ".join(found.usable) or "none",
        },
        check_results=[verdict(CHECK, KEY, faults)],
    )


def device_faults(found: Devices, executor: Executor) -> list[str]:
    """Say what keeps the lane from what it promises: a GPU on Kubernetes, elsewhere no more than the driver does."""
    faults = []
    if executor is Executor.K8S and not found.listed:
        faults.append("the pod asked for a GPU and its driver lists none; look at the node pool and the device plugin")
    if found.usable is not None and len(found.usable) < len(found.listed):
        faults.append(f"the driver lists {len(found.listed)} devices and CUDA can use {len(found.usable)} of them")
    return faults


observe_devices = dg.define_asset_job(
    "observe_devices", selection=dg.AssetSelection.assets(devices_observed), run_tags=lanes.SHORT
)
