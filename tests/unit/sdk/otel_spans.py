# SPDX-License-Identifier: Apache-2.0
"""Spans made by OpenTelemetry's own SDK, and what our exporter makes of them."""

from collections.abc import Callable

from opentelemetry import trace as otel
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util.types import AttributeValue

from ovpo_sdk.opentelemetry import OvpoSpanExporter
from ovpo_sdk.otel_records import Mapped, mapped
from tests.unit.sdk.keeping import Kept

Work = Callable[[otel.Tracer], None]


def finished(work: Work, **resource: str) -> tuple[ReadableSpan, ...]:
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource(resource))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    work(provider.get_tracer("tests"))
    return memory.get_finished_spans()


def exported(work: Work, **resource: str) -> Kept:
    kept = Kept()
    exporter = OvpoSpanExporter(kept)
    for span in finished(work, **resource):
        assert exporter.export([span]) is SpanExportResult.SUCCESS
    return kept


def only(work: Work) -> Mapped:
    [span] = finished(work)
    seen = mapped(span)
    assert seen is not None
    return seen


def named(name: str, **attributes: AttributeValue) -> Work:
    def work(tracer: otel.Tracer) -> None:
        with tracer.start_as_current_span(
            name, attributes={key.replace("__", "."): v for key, v in attributes.items()}
        ):
            pass

    return work
