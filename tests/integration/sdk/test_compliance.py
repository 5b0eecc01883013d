# SPDX-License-Identifier: Apache-2.0
"""The compliance suite against real pipelines: sound ones pass, and each broken one fails its own check and no other.

What is measured, overhead and memory, is measured in small here, and overhead only where it stands out: other programs
of the machine may hide anything less. Longer measurements are in `tests/long`.
"""

import sys
from pathlib import Path

import pytest

from ovpo_sdk.testing import ComplianceSuite
from ovpo_sdk.testing.catalogue import CHECKS
from ovpo_sdk.testing.findings import Verdict
from ovpo_sdk.testing.report import Report
from ovpo_sdk.testing.target import TargetError

SOUND = "tests.integration.sdk.sound"
BROKEN = "tests.integration.sdk.broken"
EXAMPLES = "examples.pipelines.runs"
UNMEASURED = [check.name for check in CHECKS if check.name != "overhead"]
ONE_RUN = ["completeness", "parenting", "frame-order", "media-time", "skew"]
MEMORY_BYTES = 10_000_000
EMITS = 1_500


def report(target: str | list[str], checks: list[str] | None = None, seconds: float = 40) -> Report:
    checks = UNMEASURED if checks is None else checks
    return ComplianceSuite(target, checks, seconds=seconds, memory_bytes=MEMORY_BYTES, emits=EMITS).run()


def failures(made: Report) -> dict[str, str]:
    return {finding.check: finding.message for finding in made.failures}


def test_a_sound_pipeline_passes_all() -> None:
    made = report(f"{SOUND}:with_client")

    assert failures(made) == {}
    assert {finding.verdict for finding in made.findings} == {Verdict.PASSED}


@pytest.mark.parametrize("name", ["awaited", "by_itself", "talkative"])
def test_a_coroutine_one_that_makes_its_client_and_one_that_prints_pass_too(name: str) -> None:
    made = report(f"{SOUND}:{name}", [*ONE_RUN, "fail-open", "at-least-once"])

    assert {finding.verdict for finding in made.findings} == {Verdict.PASSED}


def test_a_command_passes_too() -> None:
    made = report([sys.executable, "-m", SOUND])
    verdicts = {finding.check: finding.verdict for finding in made.findings}

    assert verdicts.pop("memory") is Verdict.NOT_APPLICABLE
    assert set(verdicts.values()) == {Verdict.PASSED}


@pytest.mark.parametrize(
    ("name", "check", "said"),
    [
        ("never_finishes", "completeness", "is still GENERATING at the end"),
        ("lost_parent", "parenting", "which no span has"),
        ("repeated_frames", "frame-order", "has frame 0 twice as frame_generated"),
        ("media_time_runs_back", "media-time", "before the 600 ms of frame 15"),
        ("skewed_clock", "skew", "before frame 0, and 5 s are allowed"),
        ("needs_the_collector", "fail-open", "with the collector away, the pipeline raised RuntimeError"),
        ("remakes_ids", "at-least-once", "came once more under other ids"),
        ("drops_on_503", "at-least-once", "after a batch was answered 503, 42 items never arrived"),
        ("hoards", "memory", "and 10 MB are allowed"),
    ],
)
def test_a_broken_pipeline_fails_its_own_check_and_no_other(name: str, check: str, said: str) -> None:
    found = failures(report(f"{BROKEN}.{name}:pipeline"))

    assert list(found) == [check]
    assert said in found[check]


def test_telemetry_that_costs_a_tenth_fails() -> None:
    found = failures(report(f"{BROKEN}.slow_telemetry:pipeline", [*ONE_RUN, "overhead"]))

    assert list(found) == ["overhead"]
    assert "telemetry slows the pipeline down by +" in found["overhead"]


@pytest.mark.parametrize("name", ["fake_video_gen", "oom", "missing_frames"])
def test_the_examples_pass(name: str) -> None:
    made = report(f"{EXAMPLES}:{name}", [*ONE_RUN, "at-least-once"])

    assert failures(made) == {}


@pytest.mark.parametrize(("name", "check"), [("clock_skew", "skew"), ("media_time", "media-time")])
def test_the_examples_of_broken_invariants_fail_those(name: str, check: str) -> None:
    assert list(failures(report(f"{EXAMPLES}:{name}", ONE_RUN))) == [check]


def test_progress_is_told_as_it_is_made() -> None:
    heard: list[str] = []
    suite = ComplianceSuite(f"{SOUND}:with_client", ["skew", "parenting"])
    made = suite.run(lambda finding: heard.append(finding.check), starts=lambda check: heard.append(check.asks))

    assert [finding.check for finding in made.findings] == ["parenting", "skew"]
    assert heard == [suite.checks[0].asks, "parenting", suite.checks[1].asks, "skew"]


def written(folder: Path, text: str) -> list[str]:
    """Write a program, and give the command that runs it."""
    program = folder / "program.py"
    program.write_text(text)
    return [sys.executable, str(program)]


def test_a_pipeline_that_sends_nothing_is_incomplete_and_nothing_else(tmp_path: Path) -> None:
    made = report(written(tmp_path, "print('a video')"), None)
    verdicts = {finding.check: finding.verdict for finding in made.findings}

    assert list(failures(made)) == ["completeness"]
    assert verdicts.pop("fail-open") is Verdict.PASSED
    assert set(verdicts.values()) == {Verdict.FAILED, Verdict.NOT_APPLICABLE}


def test_what_the_collector_refuses_is_told_with_the_field(tmp_path: Path) -> None:
    program = """
import json, os, urllib.request
body = {"schema_version": "0.08", "batch_id": "%s", "sent_at": "2026-11-21T12:00:00Z", "items": [{"type": "trace"}]}
headers = {"Authorization": "Bearer " + os.environ["OVPO_KEY"], "Content-Type": "application/json"}
url = os.environ["OVPO_ENDPOINT"] + "/v1/ingest/batch"
urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers))
"""
    made = report(written(tmp_path, program % "11111111-1111-4111-8111-111111111111"), ["completeness"])
    refused = report(written(tmp_path, program % "1"), ["completeness"])

    assert "the collector refuses trace (MISSING_FIELD): $.trace_id" in failures(made)["completeness"]
    assert "was answered 400: INVALID_UUID: $.batch_id" in failures(refused)["completeness"]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("tests.integration.sdk.nowhere:make", "cannot be imported: ModuleNotFoundError"),
        (f"{SOUND}:nothing", "has no 'nothing'"),
        (f"{SOUND}:FRAMES", "is a int; name a function"),
        ("tests.integration.sdk.rendering:video", "raised TypeError"),
        ("shutil:copyfile", "needs src, dst"),
        ("os:abort", "was ended by SIGABRT"),
        (["no-such-program-anywhere"], "cannot be started: No such file or directory"),
        ([sys.executable, "-c", "raise SystemExit('no model')"], "exited with status 1 (no model) before it sent"),
    ],
)
def test_a_pipeline_that_cannot_be_run_says_why(target: str | list[str], said: str) -> None:
    with pytest.raises(TargetError) as caught:
        report(target)

    assert said in str(caught.value)
