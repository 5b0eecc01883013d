# SPDX-License-Identifier: Apache-2.0
"""The GPU location's table of contents: every asset that wants an accelerator, one pod a step on Kubernetes.

It is a location and not a job, because automation and the Materialize button use the executor of the location.
"""

import dagster as dg

from ovpo.foundation.settings.load import load
from ovpo.foundation.settings.tree import Executor
from ovpo_assets import devices, specs
from resources.configuration import Configuration
from schedules import devices as device_schedules


def executor(choice: Executor) -> dg.ExecutorDefinition:
    """Give the executor that the settings ask for."""
    if choice is Executor.K8S:
        from dagster_k8s import k8s_job_executor

        return k8s_job_executor
    return dg.in_process_executor


defs = dg.Definitions(
    assets=dg.map_asset_specs(specs.described, [devices.devices_observed]),
    jobs=[devices.observe_devices],
    schedules=[device_schedules.devices_nightly],
    resources={"settings": Configuration()},
    executor=executor(load().executor),
)
