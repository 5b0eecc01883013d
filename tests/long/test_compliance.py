# SPDX-License-Identifier: Apache-2.0
"""The compliance suite at its full length: every check, of the examples and of each pipeline that is broken on purpose.

Overhead is told apart from noise here, which takes a machine that has little else to do.
"""

import pytest

from ovpo_sdk.testing import ComplianceSuite
from ovpo_sdk.testing.findings import Verdict
from ovpo_sdk.testing.report import Report

SOUND = "tests.integration.sdk.sound"
BROKEN = "tests.integration.sdk.broken"
EXAMPLES = "examples.pipelines.runs"
UNMEASURED = [
    "completeness",
    "parenting",
    "frame-order",
    "media-time",
    "skew",
    "fail-open",
    "at-least-once",
]


def failed(made: Report) -> dict[str, str]:
    return {finding.check: finding.message for finding in made.failures}


@pytest.mark.timeout(900)
def test_a_sound_pipeline_passes_every_check_at_its_default_length() -> None:
    made = ComplianceSuite(f"{SOUND}:with_client", seconds=200).run()

    assert [
        (finding.check, finding.message) for finding in made.findings if finding.verdict is not Verdict.PASSED
    ] == []


@pytest.mark.timeout(900)
def test_the_example_pipeline_costs_less_than_two_in_a_hundred() -> None:
    made = ComplianceSuite(f"{EXAMPLES}:fake_video_gen", seconds=240).run()
    verdicts = {finding.check: finding.verdict for finding in made.findings}

    assert failed(made) == {}
    assert verdicts["overhead"] is Verdict.PASSED


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["oom", "timeout", "missing_frames", "long_run"])
def test_the_other_examples_pass_whatever_needs_no_clock(name: str) -> None:
    assert failed(ComplianceSuite(f"{EXAMPLES}:{name}", UNMEASURED).run()) == {}


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("never_finishes", "completeness"),
        ("lost_parent", "parenting"),
        ("repeated_frames", "frame-order"),
        ("media_time_runs_back", "media-time"),
        ("skewed_clock", "skew"),
        ("slow_telemetry", "overhead"),
        ("needs_the_collector", "fail-open"),
        ("waits_for_the_collector", "fail-open"),
        ("remakes_ids", "at-least-once"),
        ("drops_on_503", "at-least-once"),
        ("hoards", "memory"),
    ],
)
def test_each_broken_pipeline_fails_its_own_check_of_all(name: str, check: str) -> None:
    suite = ComplianceSuite(f"{BROKEN}.{name}:pipeline", seconds=60, memory_bytes=16_000_000, emits=4_000)

    assert list(failed(suite.run())) == [check]
