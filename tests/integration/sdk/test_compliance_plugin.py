# SPDX-License-Identifier: Apache-2.0
"""The compliance suite under pytest, started as somebody would in a project with tests of its own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BROKEN = "tests.integration.sdk.broken.skewed_clock:pipeline"
QUICK = "completeness or parenting or skew or test_ours"


@dataclass(frozen=True)
class Done:
    """What came of it."""

    code: int
    out: str


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_own.py").write_text("def test_ours() -> None:\n    pass\n")
    return tmp_path


def run_pytest(project: Path, *arguments: str) -> Done:
    others = {name: value for name, value in os.environ.items() if not name.startswith(("OVPO_", "PYTEST_"))}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", *arguments]
    variables = {**others, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    done = subprocess.run(command, cwd=project, env=variables, capture_output=True, text=True, timeout=120, check=False)
    return Done(done.returncode, done.stdout + done.stderr)


def test_without_the_option_nothing_happens(project: Path) -> None:
    done = run_pytest(project)

    assert done.code == 0
    assert "1 passed" in done.out
    assert "ovpo-compliance" not in done.out


def test_each_check_is_a_test_with_its_own_message(project: Path) -> None:
    done = run_pytest(project, "--ovpo-pipeline", BROKEN, "-k", QUICK)

    assert done.code == 1
    assert "1 failed, 3 passed" in done.out
    assert "was observed 9 s before frame 0, and 5 s are allowed" in done.out
    assert "and 15 more of the kind" in done.out
    assert "Traceback" not in done.out
    assert "PASSED ::ovpo-compliance[parenting]" in done.out


def test_a_check_that_does_not_apply_is_skipped_with_its_reason(project: Path) -> None:
    done = run_pytest(project, "--ovpo-pipeline", "time:monotonic", "-k", "compliance and parenting")

    assert done.code == 0
    assert "1 skipped" in done.out
    assert "no span and no frame event arrived" in done.out


def test_a_pipeline_that_is_not_there_fails_with_the_reason(project: Path) -> None:
    done = run_pytest(project, "--ovpo-pipeline", "nowhere:make", "-k", "compliance and skew")

    assert done.code == 1
    assert "'nowhere' cannot be imported: ModuleNotFoundError" in done.out
    assert "Traceback" not in done.out


def test_a_name_that_is_no_pipeline_is_wrong_usage(project: Path) -> None:
    done = run_pytest(project, "--ovpo-pipeline", "nowhere")

    assert done.code == pytest.ExitCode.USAGE_ERROR
    assert "name it as module:function" in done.out
