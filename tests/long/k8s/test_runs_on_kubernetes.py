# SPDX-License-Identifier: Apache-2.0
"""Runs of the GPU location on Kubernetes: a job for the run, a job for its step, each executed as it was launched."""

import signal
import sys
from collections.abc import Iterator

import dagster as dg
import httpx
import pytest

from tests.long.k8s.cluster import TOKEN, Cluster, Manifest, Pod
from tests.long.k8s.conftest import BUCKET, NAMESPACE
from tests.long.k8s.jobs import observe_devices

RUN, STEP = "run_worker", "step_worker"
KEY = dg.AssetKey(["platform", "devices_observed"])
CRASHES = (sys.executable, "-c", "raise SystemExit('the node went away')")
HANGS = (sys.executable, "-c", "import time; time.sleep(600)")


def launch(instance: dg.DagsterInstance) -> dg.DagsterRun:
    """Launch a run as the daemon does when it leaves the queue."""
    job = dg.reconstructable(observe_devices)
    run = instance.create_run_for_job(observe_devices(), job_code_origin=job.get_python_origin())
    return instance.launch_run(run.run_id, None)  # type: ignore[arg-type]


def status(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def pods(cluster: Cluster, run: dg.DagsterRun, component: str) -> list[Pod]:
    return [pod for pod in cluster.pods_of(component) if pod.labels["dagster/run-id"] == run.run_id]


def has_ended(cluster: Cluster, run: dg.DagsterRun, component: str) -> bool:
    return any(pod.process.poll() is not None for pod in pods(cluster, run, component))


def pod_spec(job: Manifest) -> Manifest:
    spec: Manifest = job["spec"]["template"]["spec"]
    return spec


@pytest.fixture(scope="module")
def done(instance: dg.DagsterInstance, cluster: Cluster) -> dg.DagsterRun:
    """Launch a run and wait for its end."""
    run = launch(instance)
    cluster.until(lambda: has_ended(cluster, run, RUN) and has_ended(cluster, run, STEP))
    return run


@pytest.fixture
def run_without_its_step(
    instance: dg.DagsterInstance, cluster: Cluster, request: pytest.FixtureRequest
) -> Iterator[dg.DagsterRun]:
    """Launch a run in whose step's pod something else happens; its slot in the pool is freed as the daemon would."""
    cluster.instead[STEP] = request.param
    run = launch(instance)
    yield run
    del cluster.instead[STEP]
    instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def test_a_step_is_executed_by_a_pod_of_its_own_and_its_events_are_in_the_storage(
    done: dg.DagsterRun, instance: dg.DagsterInstance, cluster: Cluster
) -> None:
    assert status(instance, done) is dg.DagsterRunStatus.SUCCESS
    ((run_pod,), (step_pod,)) = (pods(cluster, done, component) for component in (RUN, STEP))
    assert (run_pod.process.returncode, step_pod.process.returncode) == (0, 0)
    assert "STEP_SUCCESS" in step_pod.output.read_text()
    assert "STEP_SUCCESS" not in run_pod.output.read_text()
    made = instance.get_latest_materialization_event(KEY)
    assert made is not None
    assert made.run_id == done.run_id


def test_the_steps_pod_asks_for_a_gpu_on_a_node_that_has_one_and_is_kept_to_be_read(
    done: dg.DagsterRun, cluster: Cluster
) -> None:
    (pod,) = pods(cluster, done, STEP)
    job = cluster.created[pod.job]
    spec = pod_spec(job)
    assert spec["containers"][0]["resources"] == {
        "requests": {"cpu": "4", "memory": "16Gi"},
        "limits": {"memory": "16Gi", "nvidia.com/gpu": "1"},
    }
    assert spec["nodeSelector"] == {"cloud.google.com/gke-accelerator": "nvidia-l4"}
    assert spec["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert (job["spec"]["ttlSecondsAfterFinished"], job["spec"]["backoffLimit"]) == (600, 0)
    assert spec["restartPolicy"] == "Never"


def test_the_runs_own_pod_asks_for_no_gpu(done: dg.DagsterRun, cluster: Cluster) -> None:
    (pod,) = pods(cluster, done, RUN)
    spec = pod_spec(cluster.created[pod.job])
    assert spec["containers"][0]["resources"] == {
        "requests": {"cpu": "1", "memory": "2Gi"},
        "limits": {"memory": "4Gi"},
    }
    assert "nodeSelector" not in spec


@pytest.mark.parametrize("component", [RUN, STEP])
def test_both_pods_have_the_account_the_image_and_the_settings_that_dagster_k8s_yaml_names(
    done: dg.DagsterRun, cluster: Cluster, component: str
) -> None:
    (pod,) = pods(cluster, done, component)
    spec = pod_spec(cluster.created[pod.job])
    container = spec["containers"][0]
    assert (spec["serviceAccountName"], container["image"]) == ("ovpo-runs", "registry.example/ovpo:1")
    assert container["envFrom"] == [{"configMapRef": {"name": "ovpo"}}, {"secretRef": {"name": "ovpo"}}]
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert not [one for one in container["env"] if "PASSWORD" in one["name"]]


def test_what_the_step_says_lies_in_the_bucket(
    done: dg.DagsterRun, bucket: str, instance: dg.DagsterInstance, cluster: Cluster
) -> None:
    listed = httpx.get(f"{bucket}/storage/v1/b/{BUCKET}/o", params={"prefix": "dagster-logs/"}).json()["items"]
    written = [one for one in listed if f"/{done.run_id}/" in one["name"] and one["name"].endswith(".err")]
    assert len(written) == 1
    assert b"STEP_START" in httpx.get(written[0]["mediaLink"]).content


@pytest.mark.parametrize("run_without_its_step", [CRASHES], indirect=True)
def test_a_pod_that_dies_without_a_word_fails_its_step_and_the_run(
    run_without_its_step: dg.DagsterRun, instance: dg.DagsterInstance, cluster: Cluster
) -> None:
    cluster.until(lambda: has_ended(cluster, run_without_its_step, RUN))
    assert status(instance, run_without_its_step) is dg.DagsterRunStatus.FAILURE
    (pod,) = pods(cluster, run_without_its_step, STEP)
    (failure,) = instance.all_logs(run_without_its_step.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    assert failure.step_key == "platform__devices_observed"
    assert f"Discovered failed Kubernetes job {pod.job}" in str(failure.get_dagster_event().step_failure_data.error)


@pytest.mark.parametrize("run_without_its_step", [HANGS], indirect=True)
def test_a_run_that_is_terminated_takes_its_jobs_and_pods_with_it(
    run_without_its_step: dg.DagsterRun, instance: dg.DagsterInstance, cluster: Cluster
) -> None:
    run = run_without_its_step
    cluster.until(lambda: pods(cluster, run, STEP))
    assert instance.run_launcher.terminate(run.run_id)
    cluster.until(lambda: has_ended(cluster, run, RUN) and has_ended(cluster, run, STEP))
    assert status(instance, run) is dg.DagsterRunStatus.CANCELED
    (step_pod,) = pods(cluster, run, STEP)
    assert step_pod.process.returncode == -signal.SIGTERM
    (run_pod,) = pods(cluster, run, RUN)
    assert {run_pod.job, step_pod.job} & set(cluster.jobs) == set()
    assert {run_pod.name, step_pod.name} & set(cluster.pods) == set()


@pytest.mark.parametrize(
    ("token", "namespace", "kind", "refused"),
    [("somebody", NAMESPACE, "jobs", 401), (TOKEN, "default", "jobs", 403), (TOKEN, NAMESPACE, "secrets", 404)],
)
def test_the_cluster_lets_nobody_do_what_the_role_does_not_allow(
    cluster: Cluster, token: str, namespace: str, kind: str, refused: int
) -> None:
    group = "apis/batch/v1" if kind == "jobs" else "api/v1"
    url = f"{cluster.url}/{group}/namespaces/{namespace}/{kind}"
    assert httpx.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == refused


def test_the_cluster_refuses_a_manifest_that_kubernetes_would_refuse(cluster: Cluster) -> None:
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x"}, "spec": {"templat": {}}}
    url = f"{cluster.url}/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
    answer = httpx.post(url, headers={"Authorization": f"Bearer {TOKEN}"}, json=job)
    assert (answer.status_code, answer.json()["reason"]) == (422, "Invalid")
    assert "x" not in cluster.jobs
