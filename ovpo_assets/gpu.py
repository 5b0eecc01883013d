# SPDX-License-Identifier: Apache-2.0
"""The GPU location's table of contents: every asset that wants an accelerator, one pod a step on Kubernetes.

It is a location and not a job, because automation and the Materialize button use the executor of the location.
"""

import dagster as dg

from io_managers.tables import ParquetTables
from ovpo.foundation.settings.load import load
from ovpo.foundation.settings.tree import Executor
from ovpo_assets import clips, devices, specs
from ovpo_assets.checks import clips as clips_checks
from resources.configuration import Configuration
from resources.ledger import Ledger
from resources.sop import Sop
from schedules import devices as device_schedules
from sensors.gpu_requests import embedding_requests


def executor(choice: Executor) -> dg.ExecutorDefinition:
    """Give the executor that the settings ask for."""
    if choice is Executor.K8S:
        from dagster_k8s import k8s_job_executor

        return k8s_job_executor
    return dg.in_process_executor


configuration = Configuration()

defs = dg.Definitions(
    assets=dg.map_asset_specs(specs.described, [devices.devices_observed, clips.clips]),
    asset_checks=[clips_checks.clip_checks],
    jobs=[devices.observe_devices, clips.embed_clips],
    schedules=[device_schedules.devices_nightly],
    sensors=[embedding_requests],
    resources={
        "settings": configuration,
        "ledger": Ledger(settings=configuration),
        "sop": Sop(settings=configuration),
        "tables": ParquetTables(settings=configuration),
    },
    executor=executor(load().executor),
)
