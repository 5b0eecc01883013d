# SPDX-License-Identifier: Apache-2.0
"""Every Kubernetes tag makes a pod. A misspelled key is accepted where it is written and refused where it runs."""

import json
from typing import Any

import dagster as dg
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
from dagster_k8s.job import DagsterK8sJobConfig, UserDefinedDagsterK8sConfig, construct_dagster_k8s_job
from dagster_k8s.job import get_user_defined_k8s_config as parse
from kubernetes.client import ApiClient  # type: ignore[import-untyped]

from ovpo_assets import gpu, lanes
from ovpo_assets.definitions import defs as cpu_defs

TAG = "dagster-k8s/config"
KUBERNETES = "1.31"
LONGEST_INDEXED_TAG = 2_700


def op_tags(definitions: dg.Definitions) -> dict[str, dict[str, Any]]:
    """Collect the tags of every asset's step."""
    assets = [asset for asset in definitions.assets or () if isinstance(asset, dg.AssetsDefinition)]
    return {asset.key.to_user_string(): dict(asset.op.tags) for asset in assets}


STEPS = {**op_tags(cpu_defs), **op_tags(gpu.defs)}


def manifest(config: UserDefinedDagsterK8sConfig) -> dict[str, Any]:
    """Build the Kubernetes job that a step with this configuration becomes."""
    image = DagsterK8sJobConfig(job_image="ovpo:latest", dagster_home="/opt/dagster")
    job = construct_dagster_k8s_job(
        image, args=["dagster"], job_name="step", component="step_worker", user_defined_k8s_config=config
    )
    made: dict[str, Any] = ApiClient().sanitize_for_serialization(job)
    return made


@pytest.mark.parametrize("step", STEPS)
def test_every_step_becomes_a_job_that_kubernetes_accepts(step: str) -> None:
    kubernetes_validate.validate(manifest(parse(STEPS[step])), KUBERNETES, strict=True)


def test_a_step_of_the_gpu_lane_lands_on_a_node_with_a_gpu_and_takes_one() -> None:
    pod = manifest(parse(STEPS["platform/devices_observed"]))["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert pod["nodeSelector"] == {"cloud.google.com/gke-accelerator": "nvidia-l4"}
    assert pod["tolerations"] == [{"effect": "NoSchedule", "key": "nvidia.com/gpu", "operator": "Exists"}]


def test_a_step_pod_is_kept_long_enough_to_be_read_and_never_replaced() -> None:
    job = manifest(parse(STEPS["platform/devices_observed"]))["spec"]
    assert job["ttlSecondsAfterFinished"] >= 600
    assert job["backoffLimit"] == 0


def test_every_asset_of_the_gpu_location_is_in_the_gpu_lane() -> None:
    for asset in gpu.defs.assets or ():
        assert isinstance(asset, dg.AssetsDefinition)
        assert asset.op.pool == lanes.GPU_POOL
        assert TAG in asset.op.tags


def test_no_asset_of_the_cpu_location_asks_for_a_pod_of_its_own() -> None:
    assert [key for key, tags in op_tags(cpu_defs).items() if TAG in tags] == []


@pytest.mark.parametrize("definitions", [cpu_defs, gpu.defs])
def test_every_run_tag_is_short_enough_for_the_index_of_the_storage(definitions: dg.Definitions) -> None:
    for job in definitions.jobs or ():
        for name, value in definitions.resolve_job_def(job.name).run_tags.items():
            assert len(name) + len(str(value)) < LONGEST_INDEXED_TAG


def test_a_misspelled_tag_is_caught_here() -> None:
    wrong = {TAG: json.dumps({"container_config": {"imagee": "ovpo"}})}
    with pytest.raises(Exception, match="imagee"):
        kubernetes_validate.validate(manifest(parse(wrong)), KUBERNETES, strict=True)
