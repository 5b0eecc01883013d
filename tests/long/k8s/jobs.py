# SPDX-License-Identifier: Apache-2.0
"""The job that the cluster's pods load by this file: one of the GPU location, with the executor of its settings."""

import dagster as dg


def observe_devices() -> dg.JobDefinition:
    """Give the GPU location's own job."""
    from ovpo_assets.gpu import defs

    return defs.resolve_job_def("observe_devices")
