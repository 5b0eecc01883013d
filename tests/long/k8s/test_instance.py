# SPDX-License-Identifier: Apache-2.0
"""`dagster.k8s.yaml` and the manifests of infra/k8s are what Dagster and Kubernetes take, and fit one another."""

from pathlib import Path
from typing import Any

import dagster as dg
import kubernetes.client  # type: ignore[import-untyped]
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml
from dagster_gcp.gcs.compute_log_manager import GCSComputeLogManager
from dagster_k8s import K8sRunLauncher
from kubernetes.config import incluster_config  # type: ignore[import-untyped]

from tests.long.k8s.cluster import KUBERNETES
from tests.long.k8s.conftest import CONFIGURATION, NAMESPACE, ROOT, RUNS

MANIFESTS: list[dict[str, Any]] = [
    one for file in sorted(RUNS.parent.glob("*.yaml")) for one in yaml.safe_load_all(file.read_text())
]


def test_all_but_launcher_and_logs_is_as_in_dagster_yaml() -> None:
    here, there = (yaml.safe_load(file.read_text()) for file in (CONFIGURATION, ROOT / "dagster.yaml"))
    assert here.keys() - there.keys() == {"run_launcher", "compute_logs"}
    assert {name: here[name] for name in there} == there


def test_the_committed_file_opens_the_storage_the_launcher_and_the_bucket_inside_a_cluster(
    variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in (("token", "secret"), ("ca.crt", "certificate")):
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setattr(kubernetes.client.Configuration, "_default", None)
    (tmp_path / "dagster.yaml").write_bytes(CONFIGURATION.read_bytes())
    inside = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    for name, value in {**variables, **inside, "DAGSTER_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.get() as opened:
        assert opened.get_runs_count() >= 0
        assert opened.event_log_storage.get_concurrency_info("gpu").slot_count == 1
        launcher, logs = opened.run_launcher, opened.compute_log_manager
        assert isinstance(launcher, K8sRunLauncher)
        assert (launcher.job_namespace, launcher.job_image) == (NAMESPACE, "registry.example/ovpo:1")
        assert launcher.load_incluster_config
        assert kubernetes.client.Configuration.get_default_copy().host == "https://10.0.0.1:443"
        assert isinstance(logs, GCSComputeLogManager)


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda one: one["kind"])
def test_every_manifest_is_one_that_kubernetes_takes(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_the_account_of_the_launcher_is_the_one_that_has_the_role() -> None:
    by_kind = {one["kind"]: one for one in MANIFESTS}
    binding = by_kind["RoleBinding"]
    account = yaml.safe_load(CONFIGURATION.read_text())["run_launcher"]["config"]["service_account_name"]
    assert account == by_kind["ServiceAccount"]["metadata"]["name"] == binding["subjects"][0]["name"]
    assert binding["roleRef"]["name"] == by_kind["Role"]["metadata"]["name"]
    assert {one["metadata"]["namespace"] for one in MANIFESTS} == {NAMESPACE}
