# SPDX-License-Identifier: Apache-2.0
"""The data directory: what lies where below OVPO_HOME, how it is made and how it is wiped."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from ovpo.foundation.stack.errors import StackError, from_os_error, no_space

MARKER = "ovpo-home"
MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Home:
    """The paths below one data directory."""

    root: Path

    @property
    def logs(self) -> Path:
        """One log file a part."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """What only a running stack needs: lock, state, generated server configurations."""
        return self.root / "run"

    @property
    def lock(self) -> Path:
        """Held by the supervisor as long as it lives."""
        return self.run / "lock"

    @property
    def state(self) -> Path:
        """What the supervisor says about itself and its children."""
        return self.run / "state.json"

    @property
    def dagster(self) -> Path:
        """DAGSTER_HOME."""
        return self.root / "dagster"

    def data(self, part: str) -> Path:
        """The data of one part."""
        return self.root / part

    def log(self, part: str) -> Path:
        """The log file of one part."""
        return self.logs / f"{part}.log"


def open_home(root: Path, least_free_mb: int) -> Home:
    """Make the data directory when it is missing, and refuse a disk that is nearly full."""
    home = Home(root)
    try:
        for folder in (home.root, home.logs, home.run):
            folder.mkdir(parents=True, exist_ok=True)
        (home.root / MARKER).touch()
        free = shutil.disk_usage(root).free // MEGABYTE
    except OSError as error:
        raise from_os_error(error, root) from error
    if free < least_free_mb:
        raise StackError(f"{no_space(root)} ({free} MB are free, OVPO_STACK__LEAST_FREE_MB asks for {least_free_mb})")
    return home


def wipe(root: Path) -> None:
    """Delete a data directory, and nothing that is not one."""
    if not root.exists():
        return
    if not (root / MARKER).exists() and any(root.iterdir()):
        raise StackError(f"{root} holds files that are not OVPO's; point OVPO_HOME elsewhere or empty it yourself")
    shutil.rmtree(root)
