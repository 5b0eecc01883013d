# SPDX-License-Identifier: Apache-2.0
"""`ovpo artifacts verify` over real stores: what it says of each artifact, and how it ends."""

import csv
import io
import json
import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from ovpo.cli.artifacts import app
from tests.conftest import free_ports
from tests.integration.artifacts.conftest import Desk, Tell, manifest
from tests.integration.collector.batches import Item, event, new_id, trace

GUIDE = Path(__file__).parents[3] / "docs" / "artifacts.md"


def run(desk: Desk, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OVPO_")}
    own = {
        "OVPO_HOME": str(desk.settings.home),
        "OVPO_POSTGRES__PORT": str(desk.settings.postgres.port),
        "OVPO_CLICKHOUSE__PORT": str(desk.settings.clickhouse.port),
        "OVPO_ARTIFACTS__ROOTS": f"{desk.renders.as_uri()}/{{tenant_id}}",
    }
    return subprocess.run(
        [sys.executable, "-m", "ovpo.cli.main", "artifacts", "verify", *arguments],
        cwd=desk.renders,
        env=inherited | own | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def verdicts(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    found: list[dict[str, Any]] = json.loads(done.stdout)["artifacts"]
    return {one["uri"].rpartition("/")[2]: one["verdict"] for one in found}


def ref(uri: str, data: bytes, kind: str = "latent") -> Item:
    return {"kind": kind, "uri": uri, "sha256": sha256(data).hexdigest(), "size_bytes": len(data)}


def of(one: str) -> str:
    return f"ovpo://tenants/demo/{one}"


def put(desk: Desk, one: str, **objects: bytes) -> None:
    for name, data in objects.items():
        desk.objects.put(f"tenants/demo/{one}/{name}", data)


def test_a_trace_whose_artifacts_are_all_as_they_were_said_is_fine(desk: Desk, tell: Tell) -> None:
    one = new_id()
    put(desk, one, clip=b"film" * 500_000, latent=b"latent")
    (desk.renders / "demo").mkdir(exist_ok=True)
    (desk.renders / "demo" / one).write_bytes(b"file")
    clip = f"md5:{md5(b'film' * 500_000, usedforsecurity=False).hexdigest()}"
    output = manifest(f"{of(one)}/clip", checksum=clip, size=2_000_000)
    refs = [ref(f"{of(one)}/latent", b"latent"), ref(f"{desk.renders.as_uri()}/demo/{one}", b"file")]
    tell(trace(one, output_manifest=output), {**event(one, 0), "artifact_refs": refs}, {**event(one, 1)})
    done = run(desk, "--trace", one, "--output", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert verdicts(done) == {"clip": "ok", "latent": "ok", one: "ok"}
    [record] = desk.audited(one)
    assert (record["event_type"], record["actor_id"]) == ("ARTIFACT_DOWNLOAD", "console")
    assert (record["metadata"]["purpose"], record["metadata"]["count"]) == ("verification", 3)


def test_what_is_changed_missing_or_not_looked_at_is_told_apart(desk: Desk, tell: Tell, other_tenant: str) -> None:
    one = new_id()
    put(desk, one, same=b"same", changed=b"after", longer=b"longer than said")
    desk.objects.put(f"tenants/{other_tenant}/foreign", b"same")
    refs = [
        ref(f"{of(one)}/same", b"same"),
        ref(f"{of(one)}/changed", b"before"),
        {"kind": "x", "uri": f"{of(one)}/longer", "size_bytes": 3},
        ref(f"{of(one)}/missing", b"x"),
        ref("https://cdn.example/distant", b"x"),
        ref("s3://elsewhere/closed", b"x"),
        ref(f"ovpo://tenants/{other_tenant}/foreign", b"same"),
        {"kind": "x", "uri": f"{of(one)}/same2"},
    ]
    tell(trace(one), {**event(one, 0), "artifact_refs": refs})
    done = run(desk, "--trace", one, "--tenant", "demo", "--output", "json")
    assert done.returncode == 1
    assert verdicts(done) == {
        "same": "ok",
        "changed": "changed",
        "longer": "changed",
        "missing": "missing",
        "same2": "missing",
        "distant": "not checked",
        "closed": "not checked",
        "foreign": "not checked",
    }
    rows = list(csv.DictReader(io.StringIO(run(desk, "--trace", one, "-o", "csv").stdout)))
    assert [row["verdict"] for row in rows][:4] == ["ok", "changed", "changed", "missing"]
    assert rows[0]["size_bytes"] == "4"
    table = run(desk, "--trace", one)
    assert table.returncode == 1
    assert table.stdout.splitlines()[-1] == "1 ok, 2 changed, 2 missing, 3 not checked"


def test_an_artifact_that_cannot_be_read_is_an_end_of_its_own(desk: Desk, tell: Tell) -> None:
    one, [port] = new_id(), free_ports(1)
    tell(trace(one), {**event(one, 0), "artifact_refs": [ref("s3://renders/away", b"x")]})
    away = {
        "OVPO_ARTIFACTS__ROOTS": "s3://renders",
        "OVPO_OBJECTS__ENDPOINT": f"http://127.0.0.1:{port}",
        "OVPO_OBJECTS__ACCESS_KEY_ID": "ovpo",
        "OVPO_OBJECTS__SECRET_ACCESS_KEY": "s3cret",
    }
    done = run(desk, "--trace", one, "-o", "json", **away)
    assert (done.returncode, verdicts(done)) == (3, {"away": "unreadable"})


def test_of_an_event_that_came_twice_the_first_one_is_verified(desk: Desk, tell: Tell) -> None:
    one, twin, now = new_id(), new_id(), datetime.now(UTC)
    put(desk, one, first=b"first")
    for data, at in ((b"second", now), (b"first", now - timedelta(minutes=1))):
        refs = [ref(f"{of(one)}/first", data)]
        tell({**event(one, 0), "event_id": twin, "artifact_refs": refs}, at=at)
    assert verdicts(run(desk, "--trace", one, "-o", "json")) == {"first": "ok"}


def test_what_a_sender_wrote_cannot_steer_a_terminal(desk: Desk, tell: Tell) -> None:
    one = new_id()
    refs = [{"kind": "\x1b[31m[bold]x", "uri": "https://cdn.example/a?token=hunter2"}]
    tell(trace(one), {**event(one, 0), "artifact_refs": refs})
    for output in ("table", "json", "csv"):
        done = run(desk, "--trace", one, "-o", output)
        assert done.returncode == 0
        assert "\x1b" not in done.stdout
        assert "hunter2" not in done.stdout
        assert "[bold]x" in done.stdout


def test_two_tenants_with_a_trace_of_one_id_are_told_apart(desk: Desk, tell: Tell, other_tenant: str) -> None:
    one = new_id()
    tell(trace(one))
    tell(trace(one, other_tenant), tenant=other_tenant)
    done = run(desk, "--trace", one)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--tenant" in done.stderr
    done = run(desk, "--trace", one, "--tenant", other_tenant)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "The trace refers to no artifact.")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--trace", "42"), 2),
        (("--trace", "0D1F6A3E-6C0B-4F5E-9A55-1B1F0D6D2C11"), 2),
        (("--trace", "0d1f6a3e-6c0b-4f5e-9a55-1b1f0d6d2c11"), 1),
        (("--trace", "0d1f6a3e-6c0b-4f5e-9a55-1b1f0d6d2c11", "--tenant", "no' OR"), 1),
    ],
)
def test_a_trace_that_is_none_is_one_line(desk: Desk, arguments: tuple[str, ...], code: int) -> None:
    done = run(desk, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("ovpo: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_store_that_is_away_is_one_line(desk: Desk) -> None:
    [port] = free_ports(1)
    done = run(desk, "--trace", new_id(), OVPO_POSTGRES__PORT=str(port))
    assert (done.returncode, done.stdout) == (1, "")
    assert "PostgreSQL does not answer" in done.stderr.splitlines()[0]


def test_every_command_on_the_page_exists() -> None:
    shown = [line.removeprefix("$ ovpo artifacts ") for line in GUIDE.read_text().splitlines()]
    commands = [line for line in shown if line.startswith("verify ")]
    assert commands
    for line in commands:
        name, *arguments = shlex.split(line)
        get_command(app).commands[name].make_context(name, arguments)  # type: ignore[attr-defined]
