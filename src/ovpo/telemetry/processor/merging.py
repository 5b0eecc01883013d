# SPDX-License-Identifier: Apache-2.0
"""How the records that a sender gave of one trace become one trace. Pure, and the same in whatever order they came.

Records are taken in the order in which the collector received them. One that may follow completes what is there: it
overrides, but for a final trace, of which it only fills what is missing. One that may not is refused.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import orjson
from msgspec import Raw, Struct

from ovpo.foundation.http.errors import Code
from ovpo.telemetry.contract.canonical import canonical
from ovpo.telemetry.contract.lifecycle import TERMINAL, may_become
from ovpo.telemetry.contract.records import TraceStatus, VideoTrace
from ovpo.telemetry.processor.reading import TraceRecord

OVERTAKEN_WITHIN: Final = timedelta(seconds=5)
"""How long after a later status an earlier one may arrive and still count as overtaken on its way: two collectors have
two clocks, and two requests two ways."""

MOST_RECORDS: Final = 200
"""Records of one trace that are taken; senders give three."""

_RANK: Final = {TraceStatus.PENDING: 0, TraceStatus.GENERATING: 1, **dict.fromkeys(TERMINAL, 2)}
_NOTHING: Final[tuple[object, ...]] = (None, 0, {}, Raw(), Raw(b"{}"))


class Refusal(Struct, frozen=True):
    """A record that may not follow those before it."""

    record: TraceRecord
    code: Code
    reason: str


class Merged(Struct, frozen=True):
    """A trace as its records tell it."""

    trace: VideoTrace
    refusals: tuple[Refusal, ...]


def merge(given: Iterable[TraceRecord]) -> Merged:
    """Fold the records of one trace, of which there is at least one."""
    first, *others = sorted(given, key=_order)
    state, settled_by, refusals = first.trace, first, []
    for taken, record in enumerate(others, start=1):
        if taken >= MOST_RECORDS:
            refusals.append(Refusal(record, Code.TOO_MANY_ITEMS, f"the trace has {MOST_RECORDS} records already"))
        elif may_become(state.status, record.trace.status):
            if record.trace.status is not state.status:
                settled_by = record
            state = _completed(state, record.trace)
        elif _was_overtaken(record, settled_by):
            state = _filled(state, record.trace)
        else:
            reason = f"a trace that is {state.status} cannot become {record.trace.status}"
            refusals.append(Refusal(record, Code.INVALID_TRANSITION, reason))
    return Merged(state, tuple(refusals))


def _order(record: TraceRecord) -> tuple[datetime, int, int, bytes]:
    return record.received_at, _RANK[record.trace.status], record.position, record.digest


def _was_overtaken(late: TraceRecord, by: TraceRecord) -> bool:
    earlier = _RANK[late.trace.status] < _RANK[by.trace.status]
    return earlier and late.received_at - by.received_at <= OVERTAKEN_WITHIN


def _completed(old: VideoTrace, new: VideoTrace) -> VideoTrace:
    if old.status in TERMINAL:
        return _filled(old, new)
    retries, created_at = max(old.retry_count, new.retry_count), min(old.created_at, new.created_at)
    return msgspec.structs.replace(_filled(new, old), retry_count=retries, created_at=created_at)


def _filled(state: VideoTrace, other: VideoTrace) -> VideoTrace:
    """Fill what the state lacks from another record; of open objects, name by name."""
    changes: dict[str, Any] = {
        name: getattr(other, name)
        for name in VideoTrace.__struct_fields__
        if getattr(state, name) in _NOTHING and getattr(other, name) not in _NOTHING
    }
    changes["tags"] = {**other.tags, **state.tags}
    changes["input_context"] = _joined(other.input_context, state.input_context)
    return msgspec.structs.replace(state, **changes)


def _joined(base: Raw, over: Raw) -> Raw:
    if bytes(base) == bytes(over):
        return over
    return Raw(canonical({**orjson.loads(bytes(base)), **orjson.loads(bytes(over))}))
