# SPDX-License-Identifier: Apache-2.0
"""`ovpo demo`: puts something into a running stack through its public API, shows it, and says what to open and try."""

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from ovpo.foundation.auth import Role
from ovpo.foundation.settings.load import load
from ovpo.foundation.settings.tree import LOOPBACK, Settings
from ovpo.foundation.stack import control
from ovpo.foundation.stack.errors import StackError
from ovpo.foundation.stack.home import Home
from ovpo.foundation.tenancy.registry import IssuedKey, issue
from ovpo.telemetry import example
from ovpo.telemetry.query.summary import summary_of

KEY_LIFE = timedelta(days=1)
PATIENCE_SECONDS = 120
POLL_SECONDS = 0.5
UNFINISHED = {"queued", "started"}


def demo() -> None:
    """Send a trace into the running stack and ask for an inspection of its stores, and show what came of both.

    The trace goes to the collector, which answers when the queue holds it, and through the processor into the stores.
    The inspection goes the way of all work in OVPO: the API writes it to the ledger and answers at once, a Dagster
    sensor turns it into a run, the run does it, and the API shows the result.
    """
    settings = load()
    if control.running(Home(settings.home)) is None:
        raise StackError(f"no stack runs in {settings.home}; start one with `ovpo up --detach`")
    key = issue(settings, settings.seed.tenant, Role.ADMIN, "demo", datetime.now(UTC) + KEY_LIFE)
    if key is None:
        raise StackError(f"there is no tenant {settings.seed.tenant!r}; OVPO_SEED__TENANT names the one to use")
    console = Console(highlight=False)
    base = f"http://{LOOPBACK}:{settings.query.port}"
    _send_trace(console, settings, key)
    asked = _call(f"{base}/v1/platform/inspections", key.text, method="POST")
    found = _wait(console, f"{base}/v1/platform/inspections/{asked['inspection_id']}", key.text)
    _show(console, found)
    _invite(console, settings, base, key.text, found["inspection_id"])


def _send_trace(console: Console, settings: Settings, key: IssuedKey) -> None:
    """Send a run of a pipeline as a sender would, and wait until its summary can be read."""
    trace_id, begun = uuid4(), time.monotonic()
    body = json.dumps(example.batch(key.tenant_id, trace_id, datetime.now(UTC))).encode()
    url = f"http://{LOOPBACK}:{settings.collector.port}/v1/ingest/batch"
    answer = _call(url, key.text, method="POST", body=body)
    acknowledged = time.monotonic() - begun
    while (found := summary_of(settings.postgres, key.tenant_id, trace_id)) is None or found.frames < example.FRAMES:
        if time.monotonic() - begun > PATIENCE_SECONDS:
            raise StackError(f"trace {trace_id} is not in the stores yet; see `ovpo logs processor`")
        time.sleep(POLL_SECONDS / 5)
    console.print(
        f"Trace {trace_id}: {answer['processed_items']} items acknowledged after {acknowledged * 1000:.0f} ms, "
        f"in the stores and settled after {time.monotonic() - begun:.1f} s:",
        soft_wrap=True,
    )
    rows = Table("status", "model", "spans", "frames", "seconds", "compute units", "findings", box=None)
    seconds = f"{(found.total_ms or 0) / 1000:.1f}"
    counts = (str(found.spans), str(found.frames), seconds, f"{found.compute_units:.1f}", str(found.findings))
    rows.add_row(found.status, found.model, *counts)
    console.print(rows)
    console.print()


def _wait(console: Console, url: str, key: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    with console.status("Asked for an inspection; waiting for its run …") as shown:
        while time.monotonic() < deadline:
            found = _call(url, key)
            if found["state"] not in UNFINISHED:
                return found
            shown.update(f"The inspection is {found['state']} …")
            time.sleep(POLL_SECONDS)
    raise StackError(
        f"the inspection is still {found['state']} after {PATIENCE_SECONDS} s; see `ovpo logs dagster-daemon`"
    )


def _show(console: Console, found: dict[str, Any]) -> None:
    console.print(f"Inspection {found['inspection_id']} is {found['state']}:")
    rows = Table("store", "ready", "milliseconds", "version", "megabytes", box=None, header_style="bold")
    for seen in found["report"]:
        mark = "[green]✓[/]" if seen["ready"] else f"[red]✗[/] {seen['detail']}"
        rows.add_row(
            seen["store"], mark, f"{seen['milliseconds']:.1f}", seen["version"], f"{seen['bytes'] / 1_000_000:.1f}"
        )
    console.print(rows)


def _invite(console: Console, settings: Settings, base: str, key: str, inspection_id: str) -> None:
    assets = f"http://{LOOPBACK}:{settings.dagster.port}/assets"
    console.print(
        f"\n[bold]Open[/]\n  {base}/  the stores of this stack"
        f"\n  {assets}/platform/stores_observed  the run that looked at them, in Dagster"
        f"\n  {assets}/traces/landed  where the trace went, in Dagster"
        "\n\n[bold]Try[/] (this key is valid for a day)",
        soft_wrap=True,
    )
    console.print(
        f"  export OVPO_KEY={key}\n"
        f'  curl -H "Authorization: Bearer $OVPO_KEY" {base}/v1/whoami\n'
        f'  curl -H "Authorization: Bearer $OVPO_KEY" {base}/v1/platform/inspections/{inspection_id}\n'
        f'  curl -X POST -H "Authorization: Bearer $OVPO_KEY" {base}/v1/platform/inspections\n'
        f"  {sys.argv[0]} status\n  {sys.argv[0]} logs query\n  {sys.argv[0]} down",
        soft_wrap=True,
    )


def _call(url: str, key: str, method: str = "GET", body: bytes | None = None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = Request(url, data=body, method=method, headers=headers)  # noqa: S310
    try:
        with urlopen(request, timeout=10) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
            return answer
    except HTTPError as error:
        raise StackError(f"{url} answered {error.code}: {error.read().decode(errors='replace')}") from error
    except URLError as error:
        raise StackError(f"{url} does not answer: {error.reason}; see `ovpo status`") from error
