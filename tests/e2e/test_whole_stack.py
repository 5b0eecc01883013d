# SPDX-License-Identifier: Apache-2.0
"""The promises of the README, each on a whole running stack: it starts, shows itself, does work, survives, stops."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import httpx
import psutil
import psycopg
import pytest
from playwright.sync_api import Browser, expect

from examples.pipelines.scenarios.catalogue import SCENARIOS
from ovpo.foundation.postgres.connect import conninfo
from ovpo.foundation.settings.tree import PostgresRole
from ovpo.foundation.stack import children
from ovpo.foundation.stack.home import Home
from ovpo.foundation.stack.parts.dagster import AT_WORK, CPU, LOCATIONS
from ovpo.foundation.stack.state import Condition
from tests.e2e.conftest import RunningStack

LATEST = 120.0
ROOT = Path(__file__).parents[2]
BATCH = ROOT / "schemas/v0.08/examples/valid/ingest_batch.mixed.json"
FINISHED = re.compile(r"Inspection ([0-9a-f-]{36}) is finished")
KEY = re.compile(r"ovpo_sk_[a-z0-9]{8}_[a-z0-9]+")


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LATEST
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.2)


def every_part_is_ready(stack: RunningStack) -> bool:
    return all(part.condition is Condition.READY for part in stack.state.parts)


def key_of(stack: RunningStack) -> str:
    """Give the key that the start printed."""
    found = KEY.search(stack.said)
    assert found
    return found[0]


def inspect(stack: RunningStack) -> tuple[str, UUID]:
    """Have the stores inspected; give a key and the id of the inspection."""
    key = key_of(stack)
    url = f"{stack.query_url}/v1/platform/inspections"
    asked = httpx.post(url, headers={"Authorization": f"Bearer {key}"}).json()
    found = UUID(asked["inspection_id"])
    until(lambda: ask(stack, f"/v1/platform/inspections/{found}", key).json()["state"] == "finished")
    return key, found


def ask(stack: RunningStack, path: str, key: str) -> httpx.Response:
    return httpx.get(f"{stack.query_url}{path}", headers={"Authorization": f"Bearer {key}"})


def _spans(stack: RunningStack, trace_id: UUID, key: str) -> int | None:
    """Count the settled spans of a trace, as the query API tells them."""
    answer = ask(stack, f"/v1/traces/{trace_id}", key)
    summary = answer.json()["summary"] if answer.status_code == 200 else None
    return summary["spans"] if summary else None


def test_up_ends_in_a_table_of_addresses_and_prints_the_key_once(stack: RunningStack) -> None:
    for address in (stack.query_url, stack.dagster_url, "postgresql://", "nats://", "redis://"):
        assert address in stack.said
    key = KEY.search(stack.said)
    assert key
    assert ask(stack, "/v1/whoami", key[0]).json() == {
        "tenant_id": "demo",
        "role": "admin",
        "key_prefix": key[0].split("_")[2],
    }
    assert stack.ovpo("status").returncode == 0
    home = Home(stack.settings.home)
    for file in [*home.run.iterdir(), *home.logs.iterdir(), stack.settings.home / "secrets.toml"]:
        assert key[0].encode() not in file.read_bytes(), file


def test_every_service_is_ready_and_says_how_each_backend_answered(stack: RunningStack) -> None:
    answer = httpx.get(f"{stack.query_url}/readyz")
    assert answer.status_code == 200
    assert {backend["name"] for backend in answer.json()["backends"]} == {
        "postgres",
        "clickhouse",
        "broker",
        "cache",
        "objects",
    }
    assert httpx.get(f"http://127.0.0.1:{stack.settings.clickhouse.port}/readyz").status_code == 200


def test_the_demo_runs_every_example_and_shows_what_came_of_it(stack: RunningStack) -> None:
    done = stack.ovpo("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    key, inspected = KEY.search(done.stdout), FINISHED.search(done.stdout)
    assert key, done.stdout
    assert inspected, done.stdout
    found = ask(stack, f"/v1/platform/inspections/{inspected[1]}", key[0]).json()
    assert {seen["store"]: seen["ready"] for seen in found["report"]} == dict.fromkeys(
        ("broker", "cache", "clickhouse", "objects", "postgres"), True
    )
    runs = ask(stack, "/v1/traces?tags=origin=examples", key[0]).json()["traces"]
    assert {run["tags"]["scenario"]: run["status"] for run in runs} == {
        name: scenario.settles for name, scenario in SCENARIOS.items()
    }
    assert {run["tags"]["scenario"]: run["frames"] for run in runs}["long_run"] == 2000
    for shown in (
        "$ ovpo traces list",
        "$ ovpo traces get",
        "✓ COMPLETED",
        "✗ FAILED",
        "◐ PARTIAL",
        "missing frames 3",
        "“Put the filter in” is not to be seen.",
        "“Grind the beans” and “Put the filter in” are exchanged.",
    ):
        assert shown in " ".join(done.stdout.split()), done.stdout


@pytest.mark.parametrize("page", ["README.md", "sdk/python/README.md"])
def test_the_lines_that_trace_a_pipeline_work_as_they_stand(stack: RunningStack, tmp_path: Path, page: str) -> None:
    [snippet, *_] = re.findall(r"^( *)```python\n(.*?)^ *```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    file = tmp_path / "pipeline.py"
    file.write_text(textwrap.dedent(snippet[1]))
    key = key_of(stack)
    variables = {"OVPO_KEY": key, "OVPO_ENDPOINT": f"http://127.0.0.1:{stack.settings.collector.port}"}
    done = subprocess.run(
        [sys.executable, str(file)], env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    trace_id, said = done.stdout.split()
    assert (said, done.stderr) == ("delivered", "")
    until(lambda: _spans(stack, UUID(trace_id), key) == 1)
    told = ask(stack, f"/v1/traces/{trace_id}", key).json()
    assert (told["trace"]["status"], told["summary"]["frames_observed"]) == ("COMPLETED", 24)


def test_the_batch_of_the_readme_is_acknowledged_so_is_its_repetition_and_it_is_in_the_stores_once(
    stack: RunningStack,
) -> None:
    key = key_of(stack)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{stack.settings.collector.port}/v1/ingest/batch"
    answers = [httpx.post(url, content=BATCH.read_bytes(), headers=headers).json() for _ in range(2)]
    items = json.loads(BATCH.read_bytes())["items"]
    sent = len(items)
    assert [answer["status"] for answer in answers] == ["accepted", "accepted"]
    assert answers[0]["processed_items"] == sent
    assert answers[1]["processed_items"] + answers[1]["duplicate_items"] == sent
    spans = sum(item["type"] == "span" for item in items)
    [trace_id] = {UUID(item["trace_id"]) for item in items if item["type"] == "trace"}
    until(lambda: _spans(stack, trace_id, key) == spans)


def test_the_first_page_shows_every_store_ready(stack: RunningStack, browser: Browser) -> None:
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(stack.query_url)
    expect(page.get_by_text("✓ ready")).to_have_count(5)
    expect(page.get_by_role("link", name="Dagster")).to_have_attribute("href", stack.dagster_url)
    assert errors == []
    page.close()


def test_dagster_shows_the_graph_of_both_locations(stack: RunningStack, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    for location, group, assets in (
        ("ovpo", "platform", ("stores_observed", "ledger_health", "run_history_pruned")),
        ("ovpo_gpu", "platform", ("devices_observed",)),
        ("ovpo", "traces", ("landed", "frame_metrics", "health", "hourly_rollups", "daily_costs", "daily_quality")),
    ):
        page.goto(f"{stack.dagster_url}/locations/{location}/asset-groups/{group}/lineage")
        for asset in assets:
            expect(page.get_by_text(asset).first).to_be_visible(timeout=30_000)
    page.close()


def test_everything_comes_back_with_its_data_after_every_child_was_killed(stack: RunningStack) -> None:
    key, inspection_id = inspect(stack)
    before = stack.state
    for part in before.parts:
        if part.identity:
            os.kill(part.identity.pid, signal.SIGKILL)
    until(
        lambda: all(
            now.restarts > old.restarts
            for now, old in zip(stack.state.parts, before.parts, strict=True)
            if old.identity
        )
    )
    until(lambda: every_part_is_ready(stack))
    found = ask(stack, f"/v1/platform/inspections/{inspection_id}", key).json()
    assert found["state"] == "finished"
    assert len(found["report"]) == 5
    inspect(stack)


def test_work_that_a_crash_of_everything_cut_off_is_done_after_the_next_start(stack: RunningStack) -> None:
    key, _ = inspect(stack)
    asked = httpx.post(f"{stack.query_url}/v1/platform/inspections", headers={"Authorization": f"Bearer {key}"}).json()
    dsn = conninfo(stack.settings.postgres, PostgresRole.DAGSTER)
    with psycopg.connect(dsn, autocommit=True) as connection:
        until(lambda: connection.execute(AT_WORK, (LOCATIONS[CPU],)).fetchone() == (1,))
    crashed = stack.state
    for identity in [crashed.supervisor, *(part.identity for part in crashed.parts if part.identity)]:
        with suppress(ProcessLookupError):
            os.kill(identity.pid, signal.SIGKILL)
    again = stack.ovpo("up", "--detach")
    assert again.returncode == 0, again.stdout + again.stderr
    path = f"/v1/platform/inspections/{asked['inspection_id']}"
    until(lambda: ask(stack, path, key).json()["state"] == "finished")


def test_down_leaves_no_process_and_no_port_and_the_next_start_finds_the_data(stack: RunningStack) -> None:
    key, inspection_id = inspect(stack)
    before = stack.state
    family = [psutil.Process(before.supervisor.pid), *psutil.Process(before.supervisor.pid).children(recursive=True)]
    ports = {int(value) for name, value in stack.variables.items() if name.endswith("PORT")}
    done = stack.ovpo("down")
    assert done.returncode == 0, done.stderr
    assert [
        process.pid for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    ] == []
    listening = {
        c.laddr[1] for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN and len(c.laddr) > 1
    }
    assert not ports & listening
    assert not any(part.identity and children.lives(part.identity) for part in before.parts)
    again = stack.ovpo("up", "--detach")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "The API key was printed at the first start" in again.stdout
    assert ask(stack, f"/v1/platform/inspections/{inspection_id}", key).json()["state"] == "finished"
