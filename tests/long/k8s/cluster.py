# SPDX-License-Identifier: Apache-2.0
"""A Kubernetes API on loopback that speaks its real protocol and starts each job's container as a process.

It holds what Dagster asks of a cluster: jobs, their pods, logs and events in one namespace. It believes nobody without
the token, allows what the committed Role allows, refuses manifests that Kubernetes would refuse, and gives a container
the environment that its pod was given and nothing else.
"""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kubernetes_validate  # type: ignore[import-untyped]
import yaml

from ovpo.foundation.settings.tree import LOOPBACK

KUBERNETES = "1.31"
TOKEN = "of-the-service-account"
PATIENCE_SECONDS = 240.0
GRACE_SECONDS = 30.0
PLACE = re.compile(
    r"/(?:api/v1|apis/(?P<group>batch)/v1)/namespaces/(?P<namespace>[^/]+)/(?P<kind>jobs|pods|events)"
    r"(?:/(?P<name>[^/]+)(?:/(?P<part>status|log))?)?\Z"
)
Manifest = dict[str, Any]


class RefusedError(Exception):
    """What the API answers with instead."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


@dataclass(eq=False)
class Pod:
    """A pod of one container, which is a process."""

    job: str
    name: str
    spec: Manifest
    labels: Mapping[str, str]
    process: subprocess.Popen[bytes]
    output: Path
    started: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))

    def manifest(self, namespace: str) -> Manifest:
        code = self.process.poll()
        state = {"running": {"startedAt": self.started}} if code is None else {"terminated": {"exitCode": abs(code)}}
        container = self.spec["containers"][0]
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.name, "namespace": namespace, "labels": dict(self.labels)},
            "spec": self.spec,
            "status": {
                "phase": "Running" if code is None else "Failed" if code else "Succeeded",
                "containerStatuses": [
                    {
                        "name": container["name"],
                        "image": container["image"],
                        "imageID": "",
                        "ready": code is None,
                        "restartCount": 0,
                        "state": state,
                    }
                ],
            },
        }

    def status_of_job(self) -> Manifest:
        code = self.process.poll()
        if code is None:
            return {"startTime": self.started, "active": 1}
        outcome = "failed" if code else "succeeded"
        kind = {"failed": "Failed", "succeeded": "Complete"}[outcome]
        return {"startTime": self.started, outcome: 1, "conditions": [{"type": kind, "status": "True"}]}


class Cluster:
    """The cluster's state. `instead` says what to run in the place of a component's own command."""

    def __init__(
        self, folder: Path, namespace: str, rules: list[Manifest], environment: Mapping[str, Mapping[str, str]]
    ) -> None:
        self.instead: dict[str, tuple[str, ...]] = {}
        self.asked: list[tuple[str, str]] = []
        self.created: dict[str, Manifest] = {}
        self.jobs: dict[str, Manifest] = {}
        self.pods: dict[str, Pod] = {}
        self.ended: list[Pod] = []
        self._folder, self._namespace = folder, namespace
        self._allowed = {
            (verb, f"{group}/{resource}")
            for rule in rules
            for verb in rule["verbs"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
        }
        self._environment = environment
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer((LOOPBACK, 0), type("Bound", (_Handler,), {"cluster": self}))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._server.server_port}"

    def kubeconfig(self, file: Path) -> Path:
        """Write how a client gets in."""
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "here", "cluster": {"server": self.url}}],
            "users": [{"name": "runs", "user": {"token": TOKEN}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "runs"}}],
            "current-context": "here",
        }
        file.write_text(yaml.safe_dump(content))
        return file

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until jobs or pods are as they should be."""
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE_SECONDS), "the cluster never came to that"

    def pods_of(self, component: str) -> list[Pod]:
        """Give the pods that were started for runs or for steps, those that are gone too."""
        every = [*self.ended, *self.pods.values()]
        return [pod for pod in every if pod.labels["app.kubernetes.io/component"] == component]

    def close(self) -> None:
        """End every container and the server."""
        for pod in [*self.ended, *self.pods.values()]:
            pod.process.kill()
            pod.process.wait()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, token: str, body: bytes) -> Manifest | str:
        """Do what a request asks."""
        if token != f"Bearer {TOKEN}":
            raise RefusedError(401, "Unauthorized", "Unauthorized")
        url = urlsplit(path)
        place = PLACE.match(url.path)
        if place is None:
            raise RefusedError(404, "NotFound", f"the server could not find {url.path}")
        kind, name, part = place["kind"], place["name"], place["part"]
        verb = {"POST": "create", "DELETE": "delete"}.get(method, "get" if name else "list")
        resource = f"{place['group'] or ''}/{kind}{f'/{part}' if part else ''}"
        self.asked.append((verb, resource))
        if (verb, resource) not in self._allowed or place["namespace"] != self._namespace:
            raise RefusedError(403, "Forbidden", f"{verb} {resource} in {place['namespace']} is forbidden")
        with self._changed:
            self._changed.notify_all()
            match verb, kind:
                case "create", _:
                    return self._create(json.loads(body))
                case "list", _:
                    return self._list(kind, {key: values[0] for key, values in parse_qs(url.query).items()})
                case "get", "jobs":
                    return self._job(name)
                case "delete", "jobs":
                    found = self._job(name)
                    del self.jobs[name]
                    return found
                case "get", _:
                    pod = self._pod(name)
                    return pod.output.read_text() if part == "log" else pod.manifest(self._namespace)
                case _:
                    return self._delete_pod(name)

    def _job(self, name: str) -> Manifest:
        if name not in self.jobs:
            raise RefusedError(404, "NotFound", f'jobs.batch "{name}" not found')
        pods = [pod for pod in [*self.pods.values(), *self.ended] if pod.job == name]
        return {**self.jobs[name], "status": pods[0].status_of_job()}

    def _pod(self, name: str) -> Pod:
        if name not in self.pods:
            raise RefusedError(404, "NotFound", f'pods "{name}" not found')
        return self.pods[name]

    def _list(self, kind: str, query: Mapping[str, str]) -> Manifest:
        found: list[Manifest] = []
        if kind == "pods":
            found = [pod.manifest(self._namespace) for pod in self.pods.values()]
        if kind == "jobs":
            found = [self._job(name) for name in self.jobs]
        labels = dict(part.split("=", 1) for part in query.get("labelSelector", "").split(",") if part)
        found = [one for one in found if labels.items() <= one["metadata"]["labels"].items()]
        wanted = query.get("fieldSelector", "").removeprefix("metadata.name=")
        return {
            "apiVersion": "batch/v1" if kind == "jobs" else "v1",
            "kind": {"jobs": "JobList", "pods": "PodList", "events": "EventList"}[kind],
            "metadata": {},
            "items": [one for one in found if not wanted or one["metadata"]["name"] == wanted],
        }

    def _create(self, manifest: Manifest) -> Manifest:
        try:
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            raise RefusedError(422, "Invalid", str(error)) from None
        name = manifest["metadata"]["name"]
        if name in self.jobs:
            raise RefusedError(409, "AlreadyExists", f'jobs.batch "{name}" already exists')
        self.created[name] = self.jobs[name] = manifest
        template = manifest["spec"]["template"]
        labels = {**template["metadata"]["labels"], "job-name": name}
        pod_name = f"{name}-{len(self.ended) + len(self.pods):05x}"
        output = self._folder / f"{pod_name}.log"
        container = template["spec"]["containers"][0]
        command = self.instead.get(labels["app.kubernetes.io/component"]) or container["args"]
        with output.open("wb") as log:
            process = subprocess.Popen(
                command,
                env=self._environment_of(container),
                cwd=self._folder,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.pods[pod_name] = Pod(name, pod_name, template["spec"], labels, process, output)
        threading.Thread(target=self._await_end, args=(process,), daemon=True).start()
        return manifest

    def _environment_of(self, container: Manifest) -> dict[str, str]:
        found = {"PATH": f"{Path(sys.executable).parent}:{os.defpath}"}
        for source in container.get("envFrom", []):
            ((kind, reference),) = source.items()
            found |= self._environment[f"{kind}/{reference['name']}"]
        return found | {one["name"]: one.get("value", "") for one in container["env"]}

    def _delete_pod(self, name: str) -> Manifest:
        pod = self._pod(name)
        pod.process.terminate()
        threading.Thread(target=self._kill_late, args=(pod.process,), daemon=True).start()
        self.ended.append(self.pods.pop(name))
        return pod.manifest(self._namespace)

    def _kill_late(self, process: subprocess.Popen[bytes]) -> None:
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()

    def _await_end(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        with self._changed:
            self._changed.notify_all()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cluster: Cluster

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the test's output clean."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, answer = 201 if self.command == "POST" else 200, None
        try:
            answer = self.cluster.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
        except RefusedError as refused:
            status = refused.status
            answer = {
                "apiVersion": "v1",
                "kind": "Status",
                "status": "Failure",
                "reason": refused.reason,
                "message": str(refused),
                "code": status,
            }
        data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
