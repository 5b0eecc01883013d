# SPDX-License-Identifier: Apache-2.0
"""Finished Dagster runs as traces: `send_run` sends one, `run_observer` makes the sensors that send each as it ends.

    sensors = run_observer(OvpoClient)

A trace has its run's id, and its spans' ids follow from that: a run that is sent again is a duplicate. What a step does
is said by the tag `ovpo/span_kind` of its op (`op_tags` of an asset), with a word such as SAMPLING; else it counts as
POSTPROCESS. Run tags and run config, which may be personal, are not sent. How the events of a run become spans is the
business of `dagster_steps`.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final
from uuid import UUID

import dagster as dg

from ovpo_sdk.bridging import Sink, at_seconds, emit_trace, span_kind
from ovpo_sdk.dagster_steps import OBSERVED, Told, failure_of, moments_of, spans_of
from ovpo_sdk.errors import InvalidTelemetryError
from ovpo_sdk.ids import as_id
from ovpo_sdk.kinds import FailureKind, SpanKind, TraceStatus
from ovpo_sdk.records import SCHEMA_VERSION, Failure, TraceRecord
from ovpo_sdk.shaping.hashing import prompt_hash
from ovpo_sdk.shaping.texts import WORD_CHARACTERS, cut

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun, RunRecord

SPAN_KIND_TAG: Final = "ovpo/span_kind"
FLUSH_SECONDS: Final = 10.0
"""How long a tick of a sensor waits for the collector; what did not leave by then stays with the client."""

MonitoredJob = dg.JobDefinition | dg.GraphDefinition | dg.JobSelector | dg.RepositorySelector | dg.CodeLocationSelector
_PARTITION_TAG: Final = "dagster/partition"
_STATUSES: Final = {
    dg.DagsterRunStatus.SUCCESS: TraceStatus.COMPLETED,
    dg.DagsterRunStatus.FAILURE: TraceStatus.FAILED,
    dg.DagsterRunStatus.CANCELED: TraceStatus.CANCELLED,
}
_SENSORS: Final = {
    "succeeded": dg.DagsterRunStatus.SUCCESS,
    "failed": dg.DagsterRunStatus.FAILURE,
    "canceled": dg.DagsterRunStatus.CANCELED,
}


def send_run(client: Sink, instance: DagsterInstance, run_id: str) -> str:
    """Send a run that has ended; give the trace's id. Waits for Dagster's storage, not for the collector."""
    record = instance.get_run_record_by_id(run_id)
    if record is None:
        raise InvalidTelemetryError(f"run {run_id} is not in this instance; give the id of one that is")
    run = record.dagster_run
    if run.status not in _STATUSES:
        raise InvalidTelemetryError(f"run {run_id} is {run.status.value}; send it once it has ended")
    told = Told(
        trace_id=_trace_id(run_id),
        moments=moments_of(instance.all_logs(run_id, of_type=set(OBSERVED))),
        kinds=_kinds(instance, run),
        partition=run.tags.get(_PARTITION_TAG),
    )
    for span in spans_of(told):
        client.emit(span)
    emit_trace(client, _trace(record, told))
    return told.trace_id


def run_observer(
    client_factory: Callable[[], Sink],
    *,
    name: str = "ovpo_runs",
    monitored_jobs: Sequence[MonitoredJob] | None = None,
    monitor_all_code_locations: bool = False,
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.STOPPED,
    minimum_interval_seconds: int | None = None,
) -> list[dg.RunStatusSensorDefinition]:
    """Make the sensors that send runs as they succeed, fail and are canceled.

    The factory is called at the first run, in the process that evaluates sensors. A run whose telemetry could not be
    delivered within the tick stays with the client: no tick fails for it.
    """
    client = functools.cache(client_factory)

    def observing(ending: str, status: dg.DagsterRunStatus) -> dg.RunStatusSensorDefinition:
        @dg.run_status_sensor(
            run_status=status,
            name=f"{name}_{ending}",
            description=f"Sends runs that {ending if ending != 'canceled' else 'were canceled'} to OVPO as traces.",
            monitored_jobs=monitored_jobs,
            monitor_all_code_locations=monitor_all_code_locations,
            default_status=default_status,
            minimum_interval_seconds=minimum_interval_seconds,
        )
        def observe(context: dg.RunStatusSensorContext) -> None:
            trace_id = send_run(client(), context.instance, context.dagster_run.run_id)
            if not client().flush(FLUSH_SECONDS):
                context.log.warning("the collector has not taken trace %s yet; it stays buffered", trace_id)

        return observe

    return [observing(ending, status) for ending, status in _SENSORS.items()]


def _trace(record: RunRecord, told: Told) -> TraceRecord:
    run = record.dagster_run
    status = _STATUSES[run.status]
    job = cut(run.job_name, WORD_CHARACTERS)
    return TraceRecord(
        trace_id=told.trace_id,
        status=status,
        pipeline_config={"dagster_job": run.job_name},
        input_context={"prompt_hash": prompt_hash("")},
        created_at=record.create_timestamp,
        started_at=None if told.began is None else at_seconds(told.began),
        completed_at=None if told.ended is None else at_seconds(told.ended),
        parent_trace_id=None if run.parent_run_id is None else _trace_id(run.parent_run_id),
        failure=_failure(status, told),
        tags={"dagster-job": job},
        schema_version=SCHEMA_VERSION,
    )


def _failure(status: TraceStatus, told: Told) -> Failure | None:
    if status is TraceStatus.COMPLETED:
        return None
    found = failure_of(told)
    if status is TraceStatus.CANCELLED:
        return Failure(
            FailureKind.CANCELLED, "the run was canceled", retryable=False, stage=found.stage if found else None
        )
    return found or Failure(FailureKind.UNKNOWN, "Dagster gave no reason", retryable=False)


def _kinds(instance: DagsterInstance, run: DagsterRun) -> dict[str, SpanKind]:
    """Read what the ops of a run say that they do."""
    if run.execution_plan_snapshot_id is None:
        return {}
    steps = instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id).steps
    said = {step.key: span_kind((step.tags or {}).get(SPAN_KIND_TAG)) for step in steps}
    return {key: kind for key, kind in said.items() if kind is not None}


def _trace_id(run_id: str) -> str:
    """Give the run's own id, which is a UUID of version 4; one that is not becomes one."""
    try:
        return as_id(UUID(run_id).bytes)
    except ValueError:
        return as_id(hashlib.sha256(run_id.encode()).digest()[:16])
