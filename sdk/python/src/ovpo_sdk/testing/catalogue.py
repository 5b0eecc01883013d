# SPDX-License-Identifier: Apache-2.0
"""The checks of the compliance suite, in the order in which they are made: those first that need one run alone."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Final

from ovpo_sdk.testing.checks import (
    completeness,
    delivery,
    fail_open,
    frame_order,
    media_time,
    memory,
    overhead,
    parenting,
    skew,
)
from ovpo_sdk.testing.findings import Finding
from ovpo_sdk.testing.target import TargetError
from ovpo_sdk.testing.workbench import Workbench

SEED: Final = 20_260_101
"""What the order of timings and their interval are drawn with, so that the same timings give the same answer."""


@dataclass(frozen=True, slots=True)
class Check:
    """A question to a pipeline."""

    name: str
    asks: str
    answer: Callable[[Workbench], Finding]


def _completeness(bench: Workbench) -> Finding:
    return completeness.check(bench.healthy.recording, bench.healthy.said)


CHECKS: Final = (
    Check(completeness.NAME, completeness.ASKS, _completeness),
    Check(parenting.NAME, parenting.ASKS, lambda bench: parenting.check(bench.healthy.recording)),
    Check(frame_order.NAME, frame_order.ASKS, lambda bench: frame_order.check(bench.healthy.recording)),
    Check(media_time.NAME, media_time.ASKS, lambda bench: media_time.check(bench.healthy.recording)),
    Check(skew.NAME, skew.ASKS, lambda bench: skew.check(bench.healthy.recording)),
    Check(fail_open.NAME, fail_open.ASKS, fail_open.check),
    Check(delivery.NAME, delivery.ASKS, delivery.check),
    Check(overhead.NAME, overhead.ASKS, lambda bench: overhead.check(bench, Random(SEED))),  # noqa: S311
    Check(memory.NAME, memory.ASKS, memory.check),
)


def chosen(names: Iterable[str] | None) -> tuple[Check, ...]:
    """Give the checks of these names in their own order, all without any; raise TargetError for a name of none."""
    if names is None:
        return CHECKS
    wanted = set(names)
    known = [check.name for check in CHECKS]
    if unknown := sorted(wanted.difference(known)):
        raise TargetError(f"there is no check {unknown[0]!r}; there are {', '.join(known)}")
    return tuple(check for check in CHECKS if check.name in wanted)
