# SPDX-License-Identifier: Apache-2.0
"""The compliance suite: asks a pipeline every question, one after the other, and reports."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import Final

from ovpo_sdk.testing.catalogue import Check, chosen
from ovpo_sdk.testing.findings import Finding
from ovpo_sdk.testing.report import Report
from ovpo_sdk.testing.target import target_of
from ovpo_sdk.testing.workbench import Workbench

SECONDS: Final = 60.0
MEMORY_BYTES: Final = 64_000_000
EMITS: Final = 100_000
"""A sender that keeps what it cannot send holds more than a kilobyte an item: these break the limit."""


class ComplianceSuite:
    """Asks a pipeline what a well-behaved source of telemetry must be able to answer.

    The pipeline is `module:function` (called with an OvpoClient, or with nothing when it makes its own), or a command
    as a list of words, which finds OVPO_ENDPOINT, OVPO_KEY and OVPO_TENANT in its environment. It runs in processes of
    its own, beside a collector of this process. Overhead and memory are measured for at most `seconds` each.
    """

    def __init__(
        self,
        target: str | Sequence[str],
        checks: Iterable[str] | None = None,
        *,
        seconds: float = SECONDS,
        memory_bytes: int = MEMORY_BYTES,
        emits: int = EMITS,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.checks = chosen(checks)
        self._bench = Workbench(
            target=target_of(target),
            environment=os.environ if environment is None else environment,
            seconds=seconds,
            memory_bytes=memory_bytes,
            emits=emits,
        )

    def ask(self, check: Check) -> Finding:
        """Make one check; raise TargetError where the pipeline cannot be run at all."""
        began = monotonic()
        return replace(check.answer(self._bench), seconds=monotonic() - began)

    def run(
        self,
        progress: Callable[[Finding], None] | None = None,
        *,
        starts: Callable[[Check], None] | None = None,
    ) -> Report:
        """Make all checks, telling of each as it starts and as it ends."""
        findings = []
        for check in self.checks:
            if starts is not None:
                starts(check)
            finding = self.ask(check)
            findings.append(finding)
            if progress is not None:
                progress(finding)
        return Report(str(self._bench.target), tuple(findings))
