# SPDX-License-Identifier: Apache-2.0
"""The checks as tests of pytest. One that does not apply, or cannot say, is skipped with its reason."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from ovpo_sdk.testing.catalogue import Check
from ovpo_sdk.testing.findings import Finding, Verdict
from ovpo_sdk.testing.suite import SECONDS, ComplianceSuite
from ovpo_sdk.testing.target import TargetError

NAME: Final = "ovpo-compliance"


class NotCompliantError(Exception):
    """A check that failed."""

    def __init__(self, finding: Finding) -> None:
        super().__init__("\n".join(finding.told()))


class ComplianceItem(pytest.Item):
    """One check of one pipeline."""

    def __init__(self, *, suite: ComplianceSuite, check: Check, **known: Any) -> None:
        super().__init__(**known)
        self._suite = suite
        self._check = check

    def runtest(self) -> None:
        """Make the check."""
        finding = self._suite.ask(self._check)
        if finding.verdict is Verdict.FAILED:
            raise NotCompliantError(finding)
        if finding.verdict is Verdict.NOT_APPLICABLE:
            pytest.skip(finding.message)
        self.add_report_section("call", self._check.name, finding.message)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Tell what to change in the pipeline; where this was found in the suite helps nobody."""
        if isinstance(excinfo.value, NotCompliantError | TargetError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Name the check where a test's file and function are named."""
        return self.path, None, self.name


def compliance_items(session: pytest.Session, target: str, seconds: float | None) -> Iterator[ComplianceItem]:
    """Make a test of each check; they share what one run of the pipeline tells."""
    try:
        suite = ComplianceSuite(target, seconds=SECONDS if seconds is None else seconds)
    except TargetError as error:
        raise pytest.UsageError(f"--ovpo-pipeline: {error}") from None
    for check in suite.checks:
        yield ComplianceItem.from_parent(session, name=f"{NAME}[{check.name}]", suite=suite, check=check)
