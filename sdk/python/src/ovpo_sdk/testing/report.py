# SPDX-License-Identifier: Apache-2.0
"""What came of a run of the compliance suite: as a summary, as JSON, and as JUnit XML. Pure."""

from collections import Counter
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import msgspec

from ovpo_sdk.testing.findings import Finding, Verdict


@dataclass(frozen=True, slots=True)
class Report:
    """The findings about one pipeline, in the order of the checks."""

    target: str
    findings: tuple[Finding, ...]

    @property
    def failures(self) -> tuple[Finding, ...]:
        """Those that failed."""
        return tuple(finding for finding in self.findings if finding.verdict is Verdict.FAILED)

    @property
    def passed(self) -> bool:
        """Whether none failed and at least one could be judged."""
        return not self.failures and any(finding.verdict is Verdict.PASSED for finding in self.findings)

    @property
    def summary(self) -> str:
        """How many ended how, on one line."""
        counted = Counter(finding.verdict for finding in self.findings)
        ended = ", ".join(f"{counted[verdict]} {verdict}" for verdict in Verdict if counted[verdict])
        return f"{self.target}: {ended or 'nothing was asked'}"

    def as_json(self) -> bytes:
        """Give all of it as one JSON object."""
        whole = {
            "target": self.target,
            "passed": self.passed,
            "summary": self.summary,
            "findings": self.findings,
        }
        return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"

    def as_junit(self) -> bytes:
        """Give all of it as JUnit XML: a test case for each check."""
        counted = Counter(finding.verdict for finding in self.findings)
        numbers = {
            "tests": str(len(self.findings)),
            "failures": str(counted[Verdict.FAILED]),
            "errors": "0",
            "skipped": str(counted[Verdict.NOT_APPLICABLE]),
            "time": f"{sum(finding.seconds for finding in self.findings):.3f}",
        }
        root = ET.Element("testsuites", {"name": "ovpo compliance", **numbers})
        suite = ET.SubElement(root, "testsuite", {"name": _xml_text(self.target), **numbers})
        for finding in self.findings:
            suite.append(_case(finding))
        ET.indent(root)
        return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _case(finding: Finding) -> ET.Element:
    names = {"classname": "ovpo.compliance", "name": finding.check, "time": f"{finding.seconds:.3f}"}
    case = ET.Element("testcase", names)
    message = _xml_text(finding.message)
    if finding.verdict is Verdict.FAILED:
        failure = ET.SubElement(case, "failure", {"type": finding.check, "message": message})
        failure.text = "\n".join([message, *map(_xml_text, finding.others)])
    elif finding.verdict is Verdict.NOT_APPLICABLE:
        ET.SubElement(case, "skipped", {"message": message})
    else:
        ET.SubElement(case, "system-out").text = message
    return case


def _xml_text(text: str) -> str:
    """Spell out what XML cannot hold even escaped: a pipeline may put anything into a name."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
