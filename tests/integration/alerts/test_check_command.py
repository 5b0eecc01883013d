# SPDX-License-Identifier: Apache-2.0
"""`ovpo alerts check` as a person runs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import environment, stack_environment
from tests.integration.alerts.conftest import Desk
from tests.integration.alerts.receivers import Receiver
from tests.unit.telemetry.alerts.books import raw_rule, write


def check(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    with environment(variables):
        return subprocess.run(
            [sys.executable, "-m", "ovpo.cli.main", "alerts", "check", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )


def of(desk: Desk) -> dict[str, str]:
    """Give the settings by which another process finds the stores."""
    settings = desk.settings
    return {
        "OVPO_HOME": str(settings.home),
        "OVPO_POSTGRES__PORT": str(settings.postgres.port),
        "OVPO_CLICKHOUSE__PORT": str(settings.clickhouse.port),
    }


def test_a_right_file_is_told_rule_by_rule_without_any_stores(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a-secret-of-both")
    hook = {"type": "webhook", "url": "https://x.example/hook", "secret_file": "secret"}
    file = write(tmp_path, {"rules": [raw_rule(actions=["hook"], for_="10m")], "actions": {"hook": hook}})
    done = check(str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert "failure_rate over 30m > 0.2" in done.stdout
    assert "webhook" in done.stdout
    assert "a-secret-of-both" not in done.stdout


def test_a_wrong_file_gives_a_line_a_fault_and_exits_with_2(tmp_path: Path) -> None:
    file = write(tmp_path, {"rules": [raw_rule(window="x"), raw_rule(name="b", metric="y")]})
    done = check(str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert [line.split(": ")[1] for line in done.stderr.splitlines()] == ["rule failing", "rule b"]


def test_a_secret_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    file = write(tmp_path, {"actions": {"hook": {"type": "slack", "secret_file": "nowhere"}}})
    done = check(str(file))
    assert done.returncode == 2
    assert f"{file}: action hook: the secret in {tmp_path / 'nowhere'} cannot be read" in done.stderr


def test_now_tells_what_is_measured_and_changes_and_tells_nothing(desk: Desk, hook: Receiver) -> None:
    desk.rules(
        raw_rule(actions=["hook"], group_by="model"),
        raw_rule(name="few", min_samples=50),
        raw_rule(name="nothing", metric="quality.nsfw_score", model="none"),
        hook=desk.hook(hook),
    )
    desk.fact("FAILED", model="[red]wan[/]")
    done = check(str(desk.file), "--now", **of(desk))
    assert done.returncode == 0, done.stderr
    values = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "failing demo [red]wan[/] 1 1 true" in values
    assert "few demo 1 1 no data: fewer than 50 samples" in values
    assert "nothing no data" in values
    assert (desk.alerts(), desk.outbox(), hook.received) == ([], [], [])


def test_now_without_stores_exits_with_1(tmp_path: Path) -> None:
    file = write(tmp_path, {"rules": [raw_rule()]})
    done = check(str(file), "--now", **stack_environment(tmp_path / "home"))
    assert done.returncode == 1
    assert done.stderr.startswith("ovpo: PostgreSQL does not answer")


@pytest.mark.parametrize("missing", ["nowhere.yaml", "."])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, missing: str) -> None:
    done = check(str(tmp_path / missing))
    assert done.returncode == 2
    assert "cannot be read" in done.stderr
