# SPDX-License-Identifier: Apache-2.0
"""`ovpo demo`: puts something into a running stack through its public API, shows it, and says what to open and try."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from examples.pipelines.scenarios.catalogue import SCENARIOS
from ovpo.cli.demo_procedures import drop_videos, show_scores
from ovpo.foundation.auth import Role
from ovpo.foundation.settings.load import inherited_environment, load
from ovpo.foundation.settings.tree import LOOPBACK, Settings
from ovpo.foundation.stack import control
from ovpo.foundation.stack.errors import StackError
from ovpo.foundation.stack.home import Home
from ovpo.governance.access.console import issue

KEY_LIFE = timedelta(days=1)
MOST_TELLING = "missing_frames"
"""The example in which most went wrong that a person can see."""
PATIENCE_SECONDS = 120
POLL_SECONDS = 0.5
STEADY_POLLS = 4
"""Counts that stand still for two seconds are whole: they are settled a second after the last change."""
ENDED = {"COMPLETED", "FAILED", "PARTIAL", "TIMEOUT", "CANCELLED"}
UNFINISHED = {"queued", "started"}


@dataclass(frozen=True, slots=True)
class Target:
    """The stack that the demo is for, and a key to it."""

    settings: Settings
    key: str
    tenant_id: str

    @property
    def query(self) -> str:
        """Where the query API is."""
        return f"http://{LOOPBACK}:{self.settings.query.port}"

    @property
    def sop(self) -> str:
        """Where the SOP API is."""
        return f"http://{LOOPBACK}:{self.settings.sop.port}"


def demo() -> None:
    """Run small pipelines against the running stack, have its stores inspected, and show what came of it.

    The pipelines are traced by the SDK: the collector answers when the queue holds what it was sent, the processor
    brings that into the stores, `ovpo traces` shows it as anybody with a key would see it. The inspection goes the way
    of all work in OVPO: the API writes it to the ledger and answers at once, a Dagster sensor turns it into a run, the
    API shows the result. So do the videos of a procedure that are laid into the inbox: each trainee gets a verdict.
    """
    settings = load()
    if control.running(Home(settings.home)) is None:
        raise StackError(f"no stack runs in {settings.home}; start one with `ovpo up --detach`")
    key = issue(settings, settings.seed.tenant, Role.ADMIN, "demo", datetime.now(UTC) + KEY_LIFE)
    if key is None:
        raise StackError(f"there is no tenant {settings.seed.tenant!r}; OVPO_SEED__TENANT names the one to use")
    console = Console(highlight=False)
    target = Target(settings, key.text, key.tenant_id)
    asked = _call(target, f"{target.query}/v1/platform/inspections", method="POST")
    dropped = drop_videos(console, settings, lambda path, *how: _call(target, f"{target.sop}{path}", *how))
    name = uuid4().hex[:6]
    _run_examples(console, target, name)
    found = _wait(console, target, f"{target.query}/v1/platform/inspections/{asked['inspection_id']}")
    _show(console, found)
    _invite(console, target, found["inspection_id"])
    _command(console, target, "traces", "list", "--tag", f"demo={name}")
    [telling] = _runs_of(target, name, MOST_TELLING)
    _command(console, target, "traces", "get", telling["trace_id"])
    if dropped:
        show_scores(console, target.sop, lambda path, *how: _call(target, f"{target.sop}{path}", *how))


def _run_examples(console: Console, target: Target, name: str) -> None:
    """Run the example pipelines as their user would, and wait until all that they told can be read."""
    console.print("[bold]$ python -m examples.pipelines.run all[/]  (they make small videos, and most of them break)")
    words = [sys.executable, "-m", "examples.pipelines.run", "all", "--tag", f"demo={name}"]
    if target.settings.objects.url is None:
        words += ["--objects", str(target.settings.home / "objects"), "--tenant", target.tenant_id]
    endpoint = f"http://{LOOPBACK}:{target.settings.collector.port}"
    environment = {**inherited_environment(), "OVPO_KEY": target.key, "OVPO_ENDPOINT": endpoint}
    if subprocess.run(words, env=environment, check=False).returncode:
        raise StackError("the example pipelines did not end as they have to; see what they say above")
    begun = time.monotonic()
    seen: list[list[Any]] = []
    while len(seen) < STEADY_POLLS or any(counts != seen[-1] for counts in seen[-STEADY_POLLS:]):
        if time.monotonic() - begun > PATIENCE_SECONDS:
            raise StackError(f"the runs are not in the stores after {PATIENCE_SECONDS} s; see `ovpo logs processor`")
        time.sleep(POLL_SECONDS)
        runs = _runs_of(target, name)
        if len(runs) == len(SCENARIOS) and all(run["status"] in ENDED and run["frames"] for run in runs):
            seen.append([(run["trace_id"], run["status"], run["frames"], run["spans"]) for run in runs])
    console.print()


def _runs_of(target: Target, name: str, scenario: str = "") -> list[dict[str, Any]]:
    tags = f"demo={name}" + (f",scenario={scenario}" if scenario else "")
    runs: list[dict[str, Any]] = _call(target, f"{target.query}/v1/traces?tags={tags}&limit=100")["traces"]
    return runs


def _wait(console: Console, target: Target, url: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    with console.status("Asked for an inspection; waiting for its run …") as shown:
        while time.monotonic() < deadline:
            found = _call(target, url)
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


def _invite(console: Console, target: Target, inspection_id: str) -> None:
    assets = f"http://{LOOPBACK}:{target.settings.dagster.port}/assets"
    console.print(
        f"\n[bold]Open[/]\n  {target.query}/  the stores of this stack"
        f"\n  {assets}/platform/stores_observed  the run that looked at them, in Dagster"
        f"\n  {assets}/traces/landed  where the runs went, in Dagster"
        f"\n  {assets}/scores/procedures  what the procedure's videos come to, in Dagster"
        "\n\n[bold]Try[/] (this key is valid for a day)",
        soft_wrap=True,
    )
    console.print(
        f"  export OVPO_KEY={target.key}\n"
        f'  curl -H "Authorization: Bearer $OVPO_KEY" {target.query}/v1/traces?status=FAILED\n'
        f'  curl -H "Authorization: Bearer $OVPO_KEY" {target.query}/v1/platform/inspections/{inspection_id}\n'
        f"  {sys.argv[0]} traces list --status PARTIAL,FAILED\n"
        f"  {sys.argv[0]} analytics bottlenecks\n"
        f"  {sys.argv[0]} audit verify\n"
        f"  {sys.argv[0]} status\n  {sys.argv[0]} down\n",
        soft_wrap=True,
    )


def _command(console: Console, target: Target, *words: str) -> None:
    """Run a command as its user would, and show both."""
    console.print(f"[bold]$ ovpo {' '.join(words)}[/]", soft_wrap=True)
    environment = {**inherited_environment(), "OVPO_KEY": target.key, "OVPO_SERVER": target.query}
    done = subprocess.run([sys.executable, "-m", "ovpo.cli.main", *words], env=environment, check=False)
    if done.returncode:
        raise StackError(f"`ovpo {words[0]} {words[1]}` ended with {done.returncode}; see `ovpo logs query`")
    console.print()


def _call(
    target: Target, url: str, method: str = "GET", body: bytes | None = None, body_type: str = "application/json"
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {target.key}", "Content-Type": body_type}
    request = Request(url, data=body, method=method, headers=headers)  # noqa: S310
    try:
        with urlopen(request, timeout=10) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
            return answer
    except HTTPError as error:
        raise StackError(f"{url} answered {error.code}: {error.read().decode(errors='replace')}") from error
    except URLError as error:
        raise StackError(f"{url} does not answer: {error.reason}; see `ovpo status`") from error
