# SPDX-License-Identifier: Apache-2.0
"""What a report says, in each of its forms."""

from xml.etree import ElementTree as ET

import msgspec

from ovpo_sdk.testing.findings import Finding, Verdict, failed, judged, not_applicable, passed
from ovpo_sdk.testing.report import Report

HOSTILE = 'a <span> & "quotes" ]]> \x1b[31m\x00 \ud800 ж'


def report(*findings: Finding) -> Report:
    return Report("film:make", findings)


def test_a_report_with_a_failure_has_not_passed() -> None:
    made = report(passed("skew", "fine"), failed("memory", "grows"))

    assert not made.passed
    assert [finding.check for finding in made.failures] == ["memory"]
    assert made.summary == "film:make: 1 passed, 1 failed"


def test_what_does_not_apply_fails_nothing() -> None:
    made = report(passed("skew", "fine"), not_applicable("memory", "no item"))

    assert made.passed
    assert made.summary == "film:make: 1 passed, 1 not applicable"


def test_a_report_that_could_judge_nothing_has_not_passed() -> None:
    assert not report(not_applicable("memory", "no item")).passed


def test_json_has_everything() -> None:
    read = msgspec.json.decode(report(failed("skew", "first", ["second"])).as_json())

    assert read["target"] == "film:make"
    assert read["passed"] is False
    assert read["findings"] == [
        {"check": "skew", "verdict": "failed", "message": "first", "others": ["second"], "seconds": 0.0}
    ]


def test_junit_has_a_case_for_each_check() -> None:
    made = report(passed("skew", "fine"), failed("memory", "grows", ["and grows"]), not_applicable("overhead", "open"))
    suite = ET.fromstring(made.as_junit()).find("testsuite")

    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    assert [case.get("name") for case in suite] == ["skew", "memory", "overhead"]
    assert [[part.tag for part in case] for case in suite] == [["system-out"], ["failure"], ["skipped"]]
    assert suite[1][0].get("message") == "grows"
    assert suite[1][0].text == "grows\nand grows"


def test_junit_is_well_formed_whatever_a_pipeline_is_named() -> None:
    made = Report(HOSTILE, (failed("skew", HOSTILE, [HOSTILE]),))
    suite = ET.fromstring(made.as_junit()).find("testsuite")

    assert suite is not None
    assert suite.get("name") == 'a <span> & "quotes" ]]> \\x1b[31m\\x00 \\ud800 ж'


def test_a_finding_keeps_a_bound_number_of_faults() -> None:
    finding = judged("skew", (f"fault {n}" for n in range(10**9)), "fine")

    assert finding.message == "fault 0"
    assert len(finding.others) == 50
    assert finding.told()[-1] == "and 46 more of the kind"


def test_no_fault_is_a_pass() -> None:
    assert judged("skew", [], "fine") == Finding("skew", Verdict.PASSED, "fine")
