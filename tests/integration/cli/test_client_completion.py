# SPDX-License-Identifier: Apache-2.0
"""What a shell is told when somebody presses the tabulator, and what the page about the command promises."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from ovpo.cli.exits import EPILOG, Exit
from ovpo.cli.main import FAMILIES, app
from tests.integration.cli.calling import called

GUIDE = Path(__file__).parents[3] / "docs" / "cli.md"
OF_THE_API = ("ping", "traces", "analytics", "costs", "views", "tenants", "keys")


def completed(line: str) -> list[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OVPO_")}
    asked = {"_OVPO_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    command = str(Path(sys.executable).with_name("ovpo"))
    done = subprocess.run([command], env=inherited | asked, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("ovpo trac", ["traces"]),
        ("ovpo traces ", ["list", "get", "compare", "frames"]),
        ("ovpo traces list --stat", ["--status"]),
        ("ovpo traces list --status CO", ["COMPLETED"]),
        ("ovpo traces list -o ", ["table", "json", "csv"]),
        ("ovpo traces list --order-by comp", ["completed_at", "compute_units"]),
        ("ovpo keys create --role su", ["super_admin"]),
        ("ovpo analytics quality aes", ["aesthetic_score"]),
        ("ovpo alerts list --state fi", ["firing"]),
    ],
)
def test_a_shell_is_offered_what_fits(line: str, offered: list[str]) -> None:
    assert set(completed(line)) == set(offered)


def test_completing_one_family_imports_no_other() -> None:
    told = "import sys; from ovpo.cli import main; main.app(['traces', '--help'], standalone_mode=False)"
    heavy = "print([name for name in ('psycopg', 'chdb', 'fastapi', 'polars', 'nats') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", f"{told}; {heavy}"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_completion_of_a_shell_can_be_shown() -> None:
    assert "--show-completion" in called("--help").out
    assert "--install-completion" in called("--help").out
    assert "--install-completion" not in called("traces", "--help").out


def test_a_command_that_is_misspelt_is_wrong_usage() -> None:
    done = called("traces", "lst")
    assert done.code == 2
    assert "No such command 'lst'" in done.err


def test_every_exit_code_is_in_the_help_and_on_the_page() -> None:
    shown = " ".join(called("--help").out.split())
    page = GUIDE.read_text()
    for code in Exit:
        assert f"{code.value} " in EPILOG
        assert f"| {code.value} |" in page
    assert "4 refused" in shown


def commands(group: Any, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    inner = {name: group.get_command(None, name) for name in group.list_commands(None)}
    for name, command in inner.items():
        if hasattr(command, "list_commands"):
            yield from commands(command, *names, name)
        else:
            yield (*names, name), command


ALL = dict(commands(get_command(app)))


@pytest.mark.parametrize("name", [name for name in ALL if name[0] in OF_THE_API], ids=" ".join)
def test_the_help_of_each_command_of_the_api_has_an_example_that_can_be_run(name: tuple[str, ...]) -> None:
    examples = re.findall(r"`(ovpo [^`]+)`", ALL[name].help.partition("Example:")[2])
    assert examples
    for example in examples:
        takes(example)


def test_every_command_on_the_page_exists() -> None:
    lines = [line.removeprefix("$ ") for line in GUIDE.read_text().splitlines() if line.startswith("$ ovpo ")]
    assert len(lines) > 10
    for line in lines:
        takes(re.split(r" [>|] ", line)[0])


def test_the_page_names_every_family() -> None:
    page = GUIDE.read_text()
    assert [name for name in FAMILIES if f"`ovpo {name}" not in page and f"$ ovpo {name}" not in page] == []


def takes(line: str) -> None:
    """Have a command line read, and not run."""
    words = shlex.split(line)[1:]
    if words[-1].startswith(("--install", "--show", "--help")):
        return
    name = next(known for known in ALL if tuple(words[: len(known)]) == known)
    ALL[name].make_context(name[-1], words[len(name) :])
