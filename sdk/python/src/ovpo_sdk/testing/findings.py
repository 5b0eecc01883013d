# SPDX-License-Identifier: Apache-2.0
"""What a check found: its verdict, and one sentence that names the place and says what to change. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final

MOST_OTHERS: Final = 50
"""Further faults that a finding keeps beside the one in its message: more of the same teach nobody anything."""

SHOWN_OTHERS: Final = 4


class Verdict(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, and how long it took to find it."""

    check: str
    verdict: Verdict
    message: str
    others: tuple[str, ...] = ()
    """Further faults of the same check, a sentence each."""
    seconds: float = 0.0

    def told(self, most_others: int = SHOWN_OTHERS) -> list[str]:
        """Give the message and some further faults, and how many there are that are not shown."""
        shown = [self.message, *self.others[:most_others]]
        left = len(self.others) - most_others
        return [*shown, f"and {left} more of the kind"] if left > 0 else shown


def passed(check: str, message: str) -> Finding:
    """Find nothing wrong."""
    return Finding(check, Verdict.PASSED, message)


def failed(check: str, message: str, others: Iterable[str] = ()) -> Finding:
    """Find a fault, and perhaps others."""
    return Finding(check, Verdict.FAILED, message, tuple(islice(others, MOST_OTHERS)))


def not_applicable(check: str, reason: str) -> Finding:
    """Find nothing out, for a reason."""
    return Finding(check, Verdict.NOT_APPLICABLE, reason)


def judged(check: str, faults: Iterable[str], sound: str) -> Finding:
    """Fail with the first of some faults; where there is none, pass with what was seen to be sound."""
    found = iter(faults)
    first = next(found, None)
    return passed(check, sound) if first is None else failed(check, first, found)
