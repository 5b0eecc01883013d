# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's provider, its batching processor, our exporter, a real client and a collector."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from ovpo_sdk import OvpoClient
from ovpo_sdk.kinds import SpanKind, TraceStatus
from ovpo_sdk.opentelemetry import OvpoSpanExporter
from ovpo_sdk.testing.receiver import Receiver


@contextmanager
def provided(*exporters: OvpoSpanExporter) -> Iterator[TracerProvider]:
    provider = TracerProvider()
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield provider
    finally:
        provider.shutdown()


def test_spans_of_a_provider_arrive_as_a_trace() -> None:
    with (
        Receiver() as receiver,
        closing(OvpoClient(receiver.endpoint, receiver.key, gpu_seconds=0)) as client,
        provided(exporter := OvpoSpanExporter(client)) as provider,
    ):
        tracer = provider.get_tracer("tests")
        with tracer.start_as_current_span("generate", attributes={"model.name": "wan", "ovpo.prompt": "a red fox"}):
            with tracer.start_as_current_span("encode_prompt"):
                pass
            with tracer.start_as_current_span("vae decode") as span:
                for index in range(5):
                    span.add_event("frame_generated", {"frame_index": index, "media_time_ms": index * 40.0})
        assert provider.force_flush()
        assert exporter.force_flush()
        [trace] = receiver.traces()
        assert (trace.status, trace.tenant_id) == (TraceStatus.COMPLETED, receiver.tenant)
        assert trace.pipeline_config["model"] == "wan"
        kinds = {span.name: span.span_kind for span in receiver.spans()}
        assert kinds == {"encode_prompt": SpanKind.TEXT_ENCODE, "vae decode": SpanKind.DECODE}
        assert sorted(frame.frame_index for frame in receiver.frames()) == [0, 1, 2, 3, 4]
        assert receiver.refused == ()


def test_spans_that_are_exported_again_are_duplicates() -> None:
    with (
        Receiver() as receiver,
        closing(OvpoClient(receiver.endpoint, receiver.key, gpu_seconds=0)) as client,
        provided(exporter := OvpoSpanExporter(client), OvpoSpanExporter(client)) as provider,
    ):
        with provider.get_tracer("tests").start_as_current_span("generate") as span:
            span.add_event("ovpo.frame", {"frame_index": 0, "media_time_ms": 0.0})
        assert provider.force_flush()
        assert exporter.force_flush()
        assert (len(receiver.traces()), len(receiver.spans()), len(receiver.frames())) == (1, 1, 1)
        assert len(receiver.repeats) == 3
        assert all(not repeat.differed for repeat in receiver.repeats.values())


def test_exporting_goes_on_while_the_collector_is_away() -> None:
    with (
        Receiver() as receiver,
        closing(OvpoClient(receiver.endpoint, receiver.key, gpu_seconds=0, exit_seconds=0)) as client,
        provided(exporter := OvpoSpanExporter(client)) as provider,
    ):
        receiver.stop()
        for _ in range(100):
            with provider.get_tracer("tests").start_as_current_span("generate"):
                pass
        assert provider.force_flush()
        assert not exporter.force_flush(200)
        receiver.start()
        assert receiver.until(lambda seen: len(seen.spans()) == 100, 30), client.counters()
