# SPDX-License-Identifier: Apache-2.0
"""Real Dagster runs in an instance of their own become traces, sent by hand and by sensors."""

from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise

import dagster as dg
import pytest

from ovpo_sdk import InvalidTelemetryError, OvpoClient
from ovpo_sdk.dagster import run_observer, send_run
from ovpo_sdk.kinds import FailureKind, SpanKind, SpanStatus, TraceStatus
from ovpo_sdk.records import SpanRecord
from ovpo_sdk.testing.receiver import Receiver
from tests.unit.sdk.keeping import Kept


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@dg.op(tags={"ovpo/span_kind": "TEXT_ENCODE"})
def encode() -> int:
    return 1


@dg.op(tags={"ovpo/span_kind": "SPAN_KIND_SAMPLING"})
def sample(encoded: int) -> int:
    return encoded + 1


@dg.op
def tidy(sampled: int) -> None:
    assert sampled == 2


@dg.job(tags={"customer": "Ada Lovelace"})
def render() -> None:
    tidy(sample(encode()))


@dg.op(tags={"ovpo/span_kind": "DECODE"})
def explode() -> None:
    raise MemoryError("no room for 81 frames")


@dg.job
def broken() -> None:
    explode()


@dg.op(retry_policy=dg.RetryPolicy(max_retries=2), tags={"ovpo/span_kind": "SAMPLING"})
def flaky(context: dg.OpExecutionContext) -> None:
    if context.retry_number < 2:
        raise TimeoutError("the GPU did not answer")


@dg.job
def stubborn() -> None:
    flaky()


@dg.op
def gives_up() -> None:
    raise dg.Failure("the prompt is empty", allow_retries=False)


@dg.job
def refusing() -> None:
    gives_up()


@dg.op(out=dg.DynamicOut(int))
def shards() -> Iterator[dg.DynamicOutput[int]]:
    for number in range(2):
        yield dg.DynamicOutput(number, mapping_key=str(number))


@dg.op(tags={"ovpo/span_kind": "DECODE"})
def decode_shard(number: int) -> int:
    return number


@dg.job
def fanned_out() -> None:
    shards().map(decode_shard)


@dg.asset(
    partitions_def=dg.StaticPartitionsDefinition(["monday", "tuesday"]), op_tags={"ovpo/span_kind": "OUTPUT_ENCODE"}
)
def clips() -> int:
    return 3


@dg.asset(deps=[clips], key=["reports", "quality"], partitions_def=dg.StaticPartitionsDefinition(["monday", "tuesday"]))
def quality() -> int:
    return 4


def ran(job: dg.JobDefinition, instance: dg.DagsterInstance) -> tuple[Kept, str]:
    result = job.execute_in_process(instance=instance, raise_on_error=False)
    kept = Kept()
    assert send_run(kept, instance, result.run_id) == result.run_id
    return kept, result.run_id


def steps(kept: Kept) -> list[SpanRecord]:
    return [span for span in kept.spans() if "custom.dagster_step_key" in span.attributes]


def test_a_run_is_a_trace_under_its_own_id_with_a_span_for_each_step(instance: dg.DagsterInstance) -> None:
    kept, run_id = ran(render, instance)
    [trace] = kept.traces()
    assert (trace.trace_id, trace.status, trace.failure) == (run_id, TraceStatus.COMPLETED, None)
    assert trace.tags == {"dagster-job": "render"}
    kinds = [(span.name, span.span_kind, span.status) for span in kept.spans()]
    assert kinds == [
        ("load", SpanKind.LOAD, SpanStatus.OK),
        ("encode", SpanKind.TEXT_ENCODE, SpanStatus.OK),
        ("sample", SpanKind.SAMPLING, SpanStatus.OK),
        ("tidy", SpanKind.POSTPROCESS, SpanStatus.OK),
    ]
    assert trace.started_at is not None
    assert trace.completed_at is not None
    load, first, *_ = kept.spans()
    assert load.start_time == trace.started_at
    assert load.end_time == first.start_time
    assert all(trace.started_at <= span.start_time <= trace.completed_at for span in kept.spans())


def test_run_tags_do_not_leave(instance: dg.DagsterInstance) -> None:
    kept, _ = ran(render, instance)
    assert "Lovelace" not in repr(kept.records)


def test_a_failed_run_tells_its_step_and_the_users_error(instance: dg.DagsterInstance) -> None:
    kept, _ = ran(broken, instance)
    [trace] = kept.traces()
    assert trace.status is TraceStatus.FAILED
    assert trace.failure is not None
    assert (trace.failure.kind, trace.failure.message) == (FailureKind.OOM, "no room for 81 frames")
    assert (trace.failure.stage, trace.failure.retryable) == ("explode", True)
    assert trace.failure.details == {"exception": "MemoryError"}
    [step] = steps(kept)
    assert (step.status, step.attributes["custom.dagster_error"]) == (SpanStatus.ERROR, "MemoryError")


def test_a_retried_step_has_a_span_for_each_try(instance: dg.DagsterInstance) -> None:
    kept, _ = ran(stubborn, instance)
    [trace] = kept.traces()
    assert (trace.status, trace.failure) == (TraceStatus.COMPLETED, None)
    tries = steps(kept)
    assert [span.attributes["custom.dagster_attempt"] for span in tries] == [1, 2, 3]
    assert [span.status for span in tries] == [SpanStatus.ERROR, SpanStatus.ERROR, SpanStatus.OK]
    assert tries[0].attributes["custom.dagster_error"] == "TimeoutError"
    assert {span.span_kind for span in tries} == {SpanKind.SAMPLING}
    assert len({span.span_id for span in tries}) == 3
    for before, after in pairwise(tries):
        assert before.end_time is not None
        assert before.end_time <= after.start_time


def test_a_failure_that_a_step_declares_is_told_with_its_description(instance: dg.DagsterInstance) -> None:
    kept, _ = ran(refusing, instance)
    failure = kept.traces()[0].failure
    assert failure is not None
    assert (failure.kind, failure.message) == (FailureKind.CRASH, "the prompt is empty")


def test_mapped_steps_have_the_kind_of_their_op(instance: dg.DagsterInstance) -> None:
    kept, _ = ran(fanned_out, instance)
    kinds = {span.name: span.span_kind for span in steps(kept)}
    assert kinds == {
        "shards": SpanKind.POSTPROCESS,
        "decode_shard[0]": SpanKind.DECODE,
        "decode_shard[1]": SpanKind.DECODE,
    }


def test_assets_and_their_partition_are_told(instance: dg.DagsterInstance) -> None:
    result = dg.materialize([clips, quality], instance=instance, partition_key="monday")
    kept = Kept()
    send_run(kept, instance, result.run_id)
    clip, report = steps(kept)
    assert (clip.span_kind, report.span_kind) == (SpanKind.OUTPUT_ENCODE, SpanKind.POSTPROCESS)
    assert clip.attributes["custom.dagster_asset_keys"] == "clips"
    assert report.attributes["custom.dagster_asset_keys"] == "reports/quality"
    assert {span.attributes["custom.dagster_partition_key"] for span in (clip, report)} == {"monday"}


def test_a_run_that_was_canceled_before_it_began_has_no_spans(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(render)
    instance.report_run_canceled(run)
    kept = Kept()
    send_run(kept, instance, run.run_id)
    [trace] = kept.traces()
    assert (trace.status, trace.started_at, kept.spans()) == (TraceStatus.CANCELLED, None, [])
    assert trace.failure is not None
    assert trace.failure.kind is FailureKind.CANCELLED


def test_a_run_that_failed_before_its_first_step_failed_while_it_loaded(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(render)
    began = dg.DagsterEvent(event_type_value=dg.DagsterEventType.RUN_START.value, job_name="render")
    instance.report_dagster_event(began, run.run_id)
    instance.report_run_failed(run, "the worker is gone")
    kept = Kept()
    send_run(kept, instance, run.run_id)
    [load] = kept.spans()
    assert (load.span_kind, load.status) == (SpanKind.LOAD, SpanStatus.ERROR)
    failure = kept.traces()[0].failure
    assert failure is not None
    assert "the worker is gone" in failure.message


def test_a_step_that_a_dead_worker_left_open_ends_with_its_run(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(render, status=dg.DagsterRunStatus.STARTED)
    start = dg.DagsterEvent(event_type_value=dg.DagsterEventType.RUN_START.value, job_name="render")
    step = dg.DagsterEvent(event_type_value=dg.DagsterEventType.STEP_START.value, job_name="render", step_key="sample")
    for event in (start, step):
        instance.report_dagster_event(event, run.run_id)
    instance.report_run_failed(run, "the worker is gone")
    kept = Kept()
    send_run(kept, instance, run.run_id)
    [open_step] = steps(kept)
    assert (open_step.status, open_step.span_kind) == (SpanStatus.ERROR, SpanKind.SAMPLING)
    assert open_step.end_time == kept.traces()[0].completed_at


def test_a_run_again_belongs_to_the_run_before(instance: dg.DagsterInstance) -> None:
    first = broken.execute_in_process(instance=instance, raise_on_error=False)
    again = instance.create_run_for_job(render, parent_run_id=first.run_id, root_run_id=first.run_id)
    instance.report_run_failed(again, "never began")
    kept = Kept()
    send_run(kept, instance, again.run_id)
    assert kept.traces()[0].parent_trace_id == first.run_id


def test_a_run_that_goes_on_or_is_unknown_is_refused(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(render, status=dg.DagsterRunStatus.STARTED)
    with pytest.raises(InvalidTelemetryError, match="is STARTED; send it once it has ended"):
        send_run(Kept(), instance, run.run_id)
    with pytest.raises(InvalidTelemetryError, match="is not in this instance"):
        send_run(Kept(), instance, "00000000-0000-4000-8000-000000000000")


def test_a_run_that_is_sent_again_is_a_duplicate(instance: dg.DagsterInstance) -> None:
    run_id = broken.execute_in_process(instance=instance, raise_on_error=False).run_id
    with Receiver() as receiver, closing(OvpoClient(receiver.endpoint, receiver.key, gpu_seconds=0)) as client:
        for _ in range(2):
            send_run(client, instance, run_id)
            assert client.flush()
        assert (len(receiver.traces()), len(receiver.spans())) == (1, 2)
        assert len(receiver.repeats) == 3
        assert all(not repeat.differed for repeat in receiver.repeats.values())
        assert receiver.refused == ()


# The sensors ------------------------------------------------------------------------------------------------------


def ticked(sensor: dg.RunStatusSensorDefinition, instance: dg.DagsterInstance, cursor: str | None) -> str | None:
    """Evaluate a sensor as the daemon does."""
    repository = dg.Definitions(jobs=[render, broken], sensors=[sensor]).get_repository_def()
    context = dg.build_sensor_context(instance, cursor=cursor, repository_def=repository)
    seen = sensor.evaluate_tick(context)
    assert [reaction.error for reaction in seen.dagster_run_reactions or () if reaction.error] == []
    return seen.cursor


def test_sensors_send_each_run_once_as_it_ends(instance: dg.DagsterInstance) -> None:
    made: list[Kept] = []

    def factory() -> Kept:
        made.append(Kept())
        return made[-1]

    sensors = run_observer(factory, monitored_jobs=[render, broken])
    assert [sensor.name for sensor in sensors] == ["ovpo_runs_succeeded", "ovpo_runs_failed", "ovpo_runs_canceled"]
    cursors = [ticked(sensor, instance, None) for sensor in sensors]
    assert made == []
    good = render.execute_in_process(instance=instance).run_id
    bad = broken.execute_in_process(instance=instance, raise_on_error=False).run_id
    for _ in range(3):
        cursors = [ticked(sensor, instance, cursor) for sensor, cursor in zip(sensors, cursors, strict=True)]
    [client] = made
    assert [(trace.trace_id, trace.status) for trace in client.traces()] == [
        (good, TraceStatus.COMPLETED),
        (bad, TraceStatus.FAILED),
    ]
    assert client.flushes == [10.0, 10.0]


def test_a_collector_that_is_away_fails_no_tick(instance: dg.DagsterInstance) -> None:
    class Away(Kept):
        def flush(self, seconds: float | None = None) -> bool:
            super().flush(seconds)
            return False

    client = Away()
    succeeded, *_ = run_observer(lambda: client, name="studio")
    assert succeeded.name == "studio_succeeded"
    cursor = ticked(succeeded, instance, None)
    render.execute_in_process(instance=instance)
    assert ticked(succeeded, instance, cursor) != cursor
    assert len(client.traces()) == 1
