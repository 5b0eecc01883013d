# SPDX-License-Identifier: Apache-2.0
"""Which status of a trace may follow which. Pure; merging records of one trace is not its business."""

from typing import Final

from ovpo.telemetry.contract.records import TraceStatus

TERMINAL: Final = frozenset(
    {
        TraceStatus.COMPLETED,
        TraceStatus.FAILED,
        TraceStatus.CANCELLED,
        TraceStatus.TIMEOUT,
        TraceStatus.PARTIAL,
    }
)
_MARKABLE: Final = frozenset({TraceStatus.GENERATING, TraceStatus.COMPLETED})


def may_become(old: TraceStatus, new: TraceStatus) -> bool:
    """Tell whether a sender's record may move a trace: it may stay, and go ahead, skipping too, until it is final."""
    if old is new:
        return True
    return old not in TERMINAL and new is not TraceStatus.PENDING


def may_be_marked_partial(status: TraceStatus) -> bool:
    """Tell whether the server may set PARTIAL, which it does when an invariant is broken."""
    return status in _MARKABLE
