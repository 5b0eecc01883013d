# SPDX-License-Identifier: Apache-2.0
"""The events of one Dagster run as spans and a failure. Pure; fetching and sending them is `dagster`'s business."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import dagster as dg

from ovpo_sdk.bridging import at_seconds, derived_id, failure_named
from ovpo_sdk.kinds import SpanKind, SpanStatus
from ovpo_sdk.records import SCHEMA_VERSION, Failure, SpanRecord
from ovpo_sdk.shaping.attributes import MOST_CHARACTERS, Attribute
from ovpo_sdk.shaping.texts import NAME_CHARACTERS, cut

if TYPE_CHECKING:
    from dagster import DagsterEvent, EventLogEntry

OBSERVED: Final = frozenset(
    {
        dg.DagsterEventType.RUN_ENQUEUED,
        dg.DagsterEventType.RUN_START,
        dg.DagsterEventType.RUN_SUCCESS,
        dg.DagsterEventType.RUN_FAILURE,
        dg.DagsterEventType.RUN_CANCELED,
        dg.DagsterEventType.STEP_START,
        dg.DagsterEventType.STEP_RESTARTED,
        dg.DagsterEventType.STEP_SUCCESS,
        dg.DagsterEventType.STEP_FAILURE,
        dg.DagsterEventType.STEP_UP_FOR_RETRY,
        dg.DagsterEventType.ASSET_MATERIALIZATION,
    }
)
"""The events that a trace is made from."""

_BEGINNINGS: Final = frozenset({dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_RESTARTED})
_ENDINGS: Final = frozenset(
    {dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.STEP_UP_FOR_RETRY}
)
_RUN_ENDINGS: Final = frozenset(
    {dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_CANCELED}
)
_MAPPED: Final = re.compile(r"\[[^\]]*\]")


@dataclass(frozen=True, slots=True)
class Moment:
    """One event of a run."""

    at: float
    event: DagsterEvent

    @property
    def kind(self) -> dg.DagsterEventType:
        """What happened."""
        return self.event.event_type


@dataclass(frozen=True, slots=True)
class Told:
    """Everything that a run's events say, and what is known beside them."""

    trace_id: str
    moments: tuple[Moment, ...]
    kinds: Mapping[str, SpanKind]
    """By step key; those of mapped steps as the plan has them, `step[?]`."""
    partition: str | None

    def first(self, kinds: Iterable[dg.DagsterEventType]) -> float | None:
        """Tell when one of these events came for the first time."""
        wanted = frozenset(kinds)
        return next((moment.at for moment in self.moments if moment.kind in wanted), None)

    @property
    def began(self) -> float | None:
        """When the run started; None where it never did."""
        return self.first({dg.DagsterEventType.RUN_START})

    @property
    def ended(self) -> float | None:
        """When the run ended."""
        return self.first(_RUN_ENDINGS)


@dataclass(slots=True)
class _Attempt:
    """One try of a step, while it runs."""

    step_key: str
    number: int
    began: float
    assets: list[str] = field(default_factory=list)
    partitions: list[str] = field(default_factory=list)


def moments_of(entries: Sequence[EventLogEntry]) -> tuple[Moment, ...]:
    """Put the events of a run in order."""
    found = [Moment(entry.timestamp, entry.dagster_event) for entry in entries if entry.dagster_event is not None]
    return tuple(sorted(found, key=lambda moment: moment.at))


def spans_of(told: Told) -> tuple[SpanRecord, ...]:
    """Give the spans of a run: what it waited for, then every try of every step."""
    return (*_waits(told), *_steps(told))


def failure_of(told: Told) -> Failure | None:
    """Say why a run failed: its first step that did, or else what ended it."""
    for moment in told.moments:
        if moment.kind is dg.DagsterEventType.STEP_FAILURE:
            name, message = _error(moment.event)
            return failure_named(name, message, moment.event.step_key)
    for moment in told.moments:
        if moment.kind in {dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_CANCELED}:
            name, message = _error(moment.event)
            return failure_named(name, message)
    return None


def _waits(told: Told) -> Iterable[SpanRecord]:
    queued = told.first({dg.DagsterEventType.RUN_ENQUEUED})
    began, ended = told.began, told.ended
    if queued is not None and (out := began if began is not None else ended) is not None:
        yield _span(told, SpanKind.QUEUE, "queue", "queue", queued, out, is_ok=began is not None)
    stepped = told.first(_BEGINNINGS)
    if began is not None and (ready := stepped if stepped is not None else ended) is not None:
        yield _span(
            told, SpanKind.LOAD, "load", "load", began, ready, is_ok=stepped is not None or failure_of(told) is None
        )


def _steps(told: Told) -> Iterable[SpanRecord]:
    running: dict[str, _Attempt] = {}
    tried: dict[str, int] = {}
    for moment in told.moments:
        key = moment.event.step_key
        if key is None:
            continue
        if moment.kind in _BEGINNINGS:
            if key not in running:
                tried[key] = tried.get(key, 0) + 1
                running[key] = _Attempt(key, tried[key], moment.at)
        elif moment.kind is dg.DagsterEventType.ASSET_MATERIALIZATION and key in running:
            _materialized(running[key], moment.event)
        elif moment.kind in _ENDINGS and key in running:
            yield _attempt(told, running.pop(key), moment.at, moment)
    ended = told.ended
    for attempt in running.values():
        yield _attempt(told, attempt, attempt.began if ended is None else ended, None)


def _materialized(attempt: _Attempt, event: DagsterEvent) -> None:
    if event.asset_key is not None:
        attempt.assets.append(event.asset_key.to_user_string())
    if event.partition is not None and event.partition not in attempt.partitions:
        attempt.partitions.append(event.partition)


def _attempt(told: Told, attempt: _Attempt, ended: float, by: Moment | None) -> SpanRecord:
    is_ok = by is not None and by.kind is dg.DagsterEventType.STEP_SUCCESS
    attributes: dict[str, Attribute] = {
        "custom.dagster_step_key": cut(attempt.step_key, MOST_CHARACTERS),
        "custom.dagster_attempt": attempt.number,
    }
    partition = ", ".join(attempt.partitions) or told.partition
    if attempt.assets:
        attributes["custom.dagster_asset_keys"] = cut(", ".join(attempt.assets), MOST_CHARACTERS)
    if partition:
        attributes["custom.dagster_partition_key"] = cut(partition, MOST_CHARACTERS)
    if by is not None and not is_ok:
        attributes["custom.dagster_error"] = cut(_error(by.event)[0], MOST_CHARACTERS)
    kind = told.kinds.get(attempt.step_key) or told.kinds.get(_MAPPED.sub("[?]", attempt.step_key))
    return _span(
        told,
        kind or SpanKind.POSTPROCESS,
        attempt.step_key,
        f"step\0{attempt.step_key}\0{attempt.number}",
        attempt.began,
        ended,
        is_ok=is_ok,
        attributes=attributes,
    )


def _span(
    told: Told,
    kind: SpanKind,
    name: str,
    identity: str,
    began: float,
    ended: float,
    *,
    is_ok: bool,
    attributes: dict[str, Attribute] | None = None,
) -> SpanRecord:
    ended = max(began, ended)
    return SpanRecord(
        span_id=derived_id("dagster-span", told.trace_id, identity),
        trace_id=told.trace_id,
        span_kind=kind,
        name=cut(name, NAME_CHARACTERS),
        start_time=at_seconds(began),
        end_time=at_seconds(ended),
        duration_ms=(ended - began) * 1000,
        status=SpanStatus.OK if is_ok else SpanStatus.ERROR,
        attributes=attributes or {},
        schema_version=SCHEMA_VERSION,
    )


def _error(event: DagsterEvent) -> tuple[str, str]:
    """Give the class and the message of what went wrong in user code, or else of what Dagster says."""
    error = getattr(event.event_specific_data, "error", None)
    while error is not None and error.cause is not None and not _is_users(error.cls_name):
        error = error.cause
    if error is None:
        return "", event.message or ""
    name = error.cls_name or ""
    return name, re.sub(rf"^[\w.]*{re.escape(name)}: ", "", error.message.strip())


def _is_users(class_name: str | None) -> bool:
    return class_name is not None and not class_name.startswith(("Dagster", "RetryRequested"))
