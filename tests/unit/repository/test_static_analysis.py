# SPDX-License-Identifier: Apache-2.0
"""The static tools pass: what `make lint` runs is also a test, so that one command tells whether a change is sound."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = (
    "src",
    "sdk/python/src",
    "examples",
    "ovpo_assets",
    "resources",
    "sensors",
    "schedules",
    "io_managers",
    "tests",
    "bench",
)


def assert_passes(*command: str) -> None:
    """Run a tool in the repository and show what it said if it is not content."""
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        pytest.fail(f"{' '.join(command[1:])}\n{done.stdout}", pytrace=False)


def test_ruff_finds_nothing() -> None:
    assert_passes(sys.executable, "-m", "ruff", "check", ".")


def test_every_file_is_formatted() -> None:
    assert_passes(sys.executable, "-m", "ruff", "format", "--check", ".")


def test_the_types_hold() -> None:
    assert_passes(sys.executable, "-m", "mypy", *(package for package in PACKAGES if (ROOT / package).is_dir()))


def test_imports_go_one_way() -> None:
    assert_passes(sys.executable, str(Path(sys.executable).with_name("lint-imports")))
