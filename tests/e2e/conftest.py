# SPDX-License-Identifier: Apache-2.0
"""One whole stack, Dagster included, started by the command as a newcomer would; and a real browser."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from ovpo.foundation.settings.load import load
from ovpo.foundation.settings.tree import LOOPBACK, Settings
from ovpo.foundation.stack.home import Home
from ovpo.foundation.stack.state import StackState, read
from tests.conftest import environment, scratch, stack_environment

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class RunningStack:
    """A stack, and what the command said when it started it."""

    variables: dict[str, str]
    said: str

    def ovpo(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command against this stack."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OVPO_")}
        return subprocess.run(
            [sys.executable, "-m", "ovpo.cli.main", *arguments],
            env=inherited | self.variables,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    @property
    def settings(self) -> Settings:
        """Read its settings."""
        with environment(self.variables):
            return load()

    @property
    def state(self) -> StackState:
        """Read what its supervisor says."""
        state = read(Home(Path(self.variables["OVPO_HOME"])).state)
        assert state is not None
        return state

    @property
    def query_url(self) -> str:
        """Give the address of its query API."""
        return f"http://{LOOPBACK}:{self.settings.query.port}"

    @property
    def dagster_url(self) -> str:
        """Give the address of its Dagster page."""
        return f"http://{LOOPBACK}:{self.settings.dagster.port}"


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    """Start everything, and stop it at the end."""
    with scratch() as folder:
        variables = stack_environment(folder / "home")
        done = RunningStack(variables, "").ovpo("up", "--detach")
        running = RunningStack(variables, done.stdout)
        try:
            assert done.returncode == 0, done.stdout + done.stderr
            yield running
        finally:
            running.ovpo("down")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the system's Chromium without a screen; its driver's event loop must be gone before other modules run."""
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    assert program, "no Chromium on this machine; `make test` installs one"
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=program, args=[*QUIET])
        yield started
        started.close()
