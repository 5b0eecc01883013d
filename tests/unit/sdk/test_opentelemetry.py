# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry traces become traces: how they begin and end, why they fail, what is remembered of them."""

import pytest
from opentelemetry import trace as otel
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags

from ovpo_sdk import opentelemetry as bridge
from ovpo_sdk.errors import DeliveryError
from ovpo_sdk.kinds import FailureKind, SpanKind, SpanStatus, TraceStatus
from ovpo_sdk.opentelemetry import OvpoSpanExporter
from ovpo_sdk.records import Item
from ovpo_sdk.shaping.hashing import prompt_hash
from tests.unit.sdk.keeping import Kept
from tests.unit.sdk.otel_spans import exported, finished, named


def test_a_trace_begins_with_its_first_child_and_ends_with_its_root() -> None:
    def work(tracer: otel.Tracer) -> None:
        with tracer.start_as_current_span("generate", attributes={"gen_ai.request.model": "wan-2.1"}):
            for name in ("load", "denoise"):
                with tracer.start_as_current_span(name):
                    pass

    kept = exported(work, **{"service.name": "studio"})
    assert [type(one).__name__ for one in kept.records] == [
        "TraceRecord",
        "SpanRecord",
        "SpanRecord",
        "TraceRecord",
    ]
    first, last = kept.traces()
    assert (first.status, last.status) == (TraceStatus.GENERATING, TraceStatus.COMPLETED)
    assert last.pipeline_config == {"model": "wan-2.1", "otel": {"gen_ai.request.model": "wan-2.1", "scope": "tests"}}
    assert last.tags == {"service": "studio"}
    assert last.completed_at is not None
    assert last.started_at is not None
    assert last.created_at == last.started_at <= kept.spans()[0].start_time <= last.completed_at


def test_a_root_that_says_what_it_does_is_a_span_beside_its_children() -> None:
    def work(tracer: otel.Tracer) -> None:
        with tracer.start_as_current_span("diffusion"), tracer.start_as_current_span("load"):
            pass

    assert [span.span_kind for span in exported(work).spans()] == [SpanKind.LOAD, SpanKind.SAMPLING]


def test_a_root_that_only_holds_others_is_no_span_because_its_time_would_count_twice() -> None:
    def work(tracer: otel.Tracer) -> None:
        with tracer.start_as_current_span("generate"), tracer.start_as_current_span("load"):
            pass

    assert [span.span_kind for span in exported(work).spans()] == [SpanKind.LOAD]
    assert [span.span_kind for span in exported(named("generate")).spans()] == [SpanKind.POSTPROCESS]


def test_a_prompt_is_hashed_wherever_it_is_said() -> None:
    def by_child(tracer: otel.Tracer) -> None:
        with (
            tracer.start_as_current_span("root"),
            tracer.start_as_current_span("encode_prompt", attributes={"ovpo.prompt": "a red fox"}),
        ):
            pass

    for kept in (exported(by_child), exported(named("root", gen_ai__prompt="a red fox"))):
        assert kept.traces()[-1].input_context == {"prompt_hash": prompt_hash("a red fox"), "prompt_length": 9}


def test_a_parent_in_another_process_makes_a_root() -> None:
    far = SpanContext(0x1234567890ABCDEF1234567890ABCDEF, 0x1, is_remote=True, trace_flags=TraceFlags(1))

    def work(tracer: otel.Tracer) -> None:
        context = otel.set_span_in_context(NonRecordingSpan(far))
        with tracer.start_as_current_span("work", context):
            pass

    kept = exported(work)
    assert kept.traces()[-1].status is TraceStatus.COMPLETED
    assert kept.spans()[0].parent_span_id is None


def test_a_child_that_ends_after_its_root_does_not_begin_the_trace_again() -> None:
    def work(tracer: otel.Tracer) -> None:
        root = tracer.start_span("load")
        late = tracer.start_span("save", otel.set_span_in_context(root))
        root.end()
        late.end()

    kept = exported(work)
    assert [trace.status for trace in kept.traces()] == [TraceStatus.COMPLETED]
    assert len(kept.spans()) == 2


class OutOfMemoryError(RuntimeError):
    """Named as torch names its own."""


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (OutOfMemoryError("no room"), TraceStatus.FAILED, FailureKind.OOM),
        (RuntimeError("CUDA out of memory. Tried"), TraceStatus.FAILED, FailureKind.OOM),
        (RuntimeError("CUDA error: device-side assert"), TraceStatus.FAILED, FailureKind.HARDWARE_ERROR),
        (TimeoutError("too slow"), TraceStatus.TIMEOUT, FailureKind.TIMEOUT),
        (ValueError("odd size"), TraceStatus.FAILED, FailureKind.CRASH),
    ],
)
def test_an_exception_becomes_the_failure_of_the_trace(
    error: Exception, status: TraceStatus, kind: FailureKind
) -> None:
    def work(tracer: otel.Tracer) -> None:
        with (
            pytest.raises(type(error)),
            tracer.start_as_current_span("generate"),
            tracer.start_as_current_span("denoise"),
        ):
            raise error

    kept = exported(work)
    last = kept.traces()[-1]
    assert last.status is status
    assert last.failure is not None
    assert (last.failure.kind, last.failure.message, last.failure.stage) == (kind, str(error), "denoise")
    assert str(last.failure.details["exception"]).endswith(type(error).__name__)
    assert [span.status for span in kept.spans()] == [SpanStatus.ERROR]
    assert str(kept.spans()[0].attributes["otel.exception_type"]).endswith(type(error).__name__)


def test_a_root_that_names_no_exception_failed_because_of_its_child() -> None:
    def work(tracer: otel.Tracer) -> None:
        with tracer.start_as_current_span("generate") as root:
            with pytest.raises(MemoryError), tracer.start_as_current_span("decode"):
                raise MemoryError("no room")
            root.set_status(StatusCode.ERROR, "gave up")

    failure = exported(work).traces()[-1].failure
    assert failure is not None
    assert (failure.kind, failure.message, failure.stage) == (FailureKind.OOM, "no room", "decode")


def test_a_child_whose_failure_was_dealt_with_does_not_fail_the_trace() -> None:
    def work(tracer: otel.Tracer) -> None:
        with (
            tracer.start_as_current_span("generate"),
            pytest.raises(MemoryError),
            tracer.start_as_current_span("decode"),
        ):
            raise MemoryError("no room")

    last = exported(work).traces()[-1]
    assert (last.status, last.failure) == (TraceStatus.COMPLETED, None)


def test_a_failed_status_without_an_exception_is_a_failure_with_its_description() -> None:
    def work(tracer: otel.Tracer) -> None:
        with tracer.start_as_current_span("generate") as root:
            root.set_status(StatusCode.ERROR, "gave up")

    failure = exported(work).traces()[-1].failure
    assert failure is not None
    assert (failure.kind, failure.message) == (FailureKind.UNKNOWN, "gave up")


def test_personal_data_does_not_leave_with_a_trace() -> None:
    def work(tracer: otel.Tracer) -> None:
        with (
            pytest.raises(ValueError, match="ada@"),
            tracer.start_as_current_span("generate", attributes={"enduser": "ada@example.org"}),
            tracer.start_as_current_span("load"),
        ):
            raise ValueError("no such user: ada@example.org")

    last = exported(work).traces()[-1]
    assert last.failure is not None
    assert last.failure.message == "no such user: [email]"
    assert last.pipeline_config["otel"]["enduser"] == "[email]"


def test_traces_that_never_see_their_root_are_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "MOST_TRACES", 10)

    def orphan(tracer: otel.Tracer) -> None:
        tracer.start_span("denoise", otel.set_span_in_context(tracer.start_span("root"))).end()

    exporter = OvpoSpanExporter(Kept())
    for _ in range(50):
        exporter.export(finished(orphan))
    assert len(exporter._known) == 10


# The exporter -----------------------------------------------------------------------------------------------------


def test_flushing_is_the_clients() -> None:
    kept = Kept()
    exporter = OvpoSpanExporter(kept)
    assert exporter.force_flush(1500)
    exporter.shutdown()
    exporter.shutdown()
    assert kept.flushes == [1.5, 2.0]
    assert exporter.export(finished(named("x"))) is SpanExportResult.FAILURE
    assert kept.records == []


def test_what_a_strict_client_raises_fails_the_export() -> None:
    class Strict(Kept):
        def emit(self, record: Item) -> None:
            raise DeliveryError(type(record).__name__)

    assert OvpoSpanExporter(Strict()).export(finished(named("x"))) is SpanExportResult.FAILURE
