# SPDX-License-Identifier: Apache-2.0
"""`ovpo compliance`, called as a person or a script does."""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from ovpo_sdk.testing.catalogue import CHECKS
from tests.integration.cli.calling import called

SOUND = "tests.integration.sdk.sound"
BROKEN = "tests.integration.sdk.broken.repeated_frames:pipeline"
QUICK = ("--check", "completeness", "--check", "frame-order")


def test_list_names_every_check_and_its_question() -> None:
    done = called("compliance", "list")

    assert done.code == 0
    for check in CHECKS:
        assert f"{check.name:15}{check.asks}" in done.out


def test_a_sound_pipeline_exits_with_0_and_is_told_as_it_goes() -> None:
    done = called("compliance", "run", f"{SOUND}:with_client", *QUICK)

    assert done.code == 0
    assert "✓  completeness" in done.out
    assert "traces: 1, spans: 3, frame events: 40, all taken" in done.out
    assert done.out.endswith(f"{SOUND}:with_client: 2 passed\n")
    assert [line.partition(" (")[0] for line in done.err.splitlines()] == ["✓ completeness", "✓ frame-order"]


def test_a_broken_pipeline_exits_with_1_and_says_what_to_change() -> None:
    done = called("compliance", "run", BROKEN, *QUICK)

    assert done.code == 1
    assert "✗  frame-order" in done.out
    assert "number frames through the whole trace" in done.out
    assert "frame-order: and 15 more of the kind" in done.out
    assert done.out.endswith("1 passed, 1 failed\n")


def test_a_command_is_what_stands_after_two_dashes() -> None:
    done = called("compliance", "run", *QUICK, "--", sys.executable, "-m", SOUND)

    assert done.code == 0
    assert done.out.endswith(f"-m {SOUND}: 2 passed\n")


def test_json_is_all_that_standard_output_has_then() -> None:
    done = called("compliance", "run", BROKEN, *QUICK, "--output", "json")

    assert done.code == 1
    assert [one["verdict"] for one in json.loads(done.out)["findings"]] == ["passed", "failed"]


def test_reports_are_written_also_when_a_check_fails(tmp_path: Path) -> None:
    as_json, as_junit = tmp_path / "report.json", tmp_path / "report.xml"
    done = called("compliance", "run", BROKEN, *QUICK, "--json", str(as_json), "--junit", str(as_junit))

    assert done.code == 1
    assert json.loads(as_json.read_text())["passed"] is False
    assert ET.parse(as_junit).getroot().get("failures") == "1"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere"], 2, "name it as module:function, or give a command after --"),
        (["nowhere:make"], 1, "'nowhere' cannot be imported: ModuleNotFoundError"),
        ([f"{SOUND}:nothing"], 1, "has no 'nothing'"),
        (["--", "no-such-program", "now"], 1, "'no-such-program' cannot be started"),
        ([f"{SOUND}:with_client", "--check", "nice"], 2, "there is no check 'nice'; there are completeness"),
        ([f"{SOUND}:with_client", "--junit", "/nowhere/report.xml"], 2, "there is no folder /nowhere"),
    ],
)
def test_what_cannot_be_run_says_why_on_one_line(arguments: list[str], code: int, said: str) -> None:
    done = called("compliance", "run", *arguments)

    assert done.code == code
    assert said in done.line
    assert done.out == ""
