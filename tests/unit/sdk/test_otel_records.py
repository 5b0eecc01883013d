# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry spans become spans and frames: their kinds, ids, times, attributes and events."""

import json
import math
from uuid import UUID

import pytest
from opentelemetry import trace as otel
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.util.types import AttributeValue

from ovpo_sdk.kinds import EventType, SpanKind
from ovpo_sdk.opentelemetry import OvpoSpanExporter
from ovpo_sdk.otel_records import mapped
from tests.unit.sdk.keeping import Kept
from tests.unit.sdk.otel_spans import exported, finished, named, only

# Kinds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("load_model", SpanKind.LOAD),
        ("Load VAE", SpanKind.LOAD),
        ("pipe.encode_prompt", SpanKind.TEXT_ENCODE),
        ("text_encode", SpanKind.TEXT_ENCODE),
        ("KSampler", SpanKind.SAMPLING),
        ("denoise-loop", SpanKind.SAMPLING),
        ("diffusion step", SpanKind.SAMPLING),
        ("vae.decode", SpanKind.DECODE),
        ("upscale", SpanKind.POSTPROCESS),
        ("downsample", SpanKind.POSTPROCESS),
        ("interpolate frames", SpanKind.POSTPROCESS),
        ("encode_video", SpanKind.OUTPUT_ENCODE),
        ("mux", SpanKind.OUTPUT_ENCODE),
        ("save", SpanKind.OUTPUT_ENCODE),
        ("safety_checker", SpanKind.GUARD),
        ("wait for gpu", SpanKind.QUEUE),
        ("upload", SpanKind.POSTPROCESS),
        ("GET /", SpanKind.POSTPROCESS),
    ],
)
def test_a_name_says_the_kind_of_a_span(name: str, kind: SpanKind) -> None:
    assert only(named(name)).span.span_kind is kind


@pytest.mark.parametrize("said", ["GUARD", "SPAN_KIND_GUARD", "guard"])
def test_the_attribute_says_the_kind_before_the_name_does(said: str) -> None:
    span = only(named("decode", ovpo__span_kind=said)).span
    assert span.span_kind is SpanKind.GUARD
    assert "ovpo.span_kind" not in span.attributes


def test_an_unknown_kind_leaves_it_to_the_name() -> None:
    assert only(named("decode", ovpo__span_kind="DANCING")).span.span_kind is SpanKind.DECODE


# Ids and times ----------------------------------------------------------------------------------------------------


def test_ids_are_uuids_of_version_four_and_the_same_every_time() -> None:
    def work(tracer: otel.Tracer) -> None:
        with tracer.start_as_current_span("save"), tracer.start_as_current_span("decode") as span:
            span.add_event("frame_generated", {"frame_index": 0, "media_time_ms": 0.0})

    spans = finished(work)
    one, two = Kept(), Kept()
    OvpoSpanExporter(one).export(spans)
    OvpoSpanExporter(two).export(spans)
    assert one.records == two.records
    ids = [one.spans()[0].span_id, one.spans()[1].span_id, one.frames()[0].event_id, one.traces()[0].trace_id]
    assert len(set(ids)) == 4
    assert all(UUID(one).version == 4 for one in ids)


def test_a_trace_keeps_the_bits_of_its_id() -> None:
    [span] = finished(named("root"))
    assert span.context is not None
    ours, theirs = UUID(only_id(span)).int, span.context.trace_id
    fixed = (0xF << 76) | (0b11 << 62)
    assert ours & ~fixed == theirs & ~fixed


def only_id(span: ReadableSpan) -> str:
    seen = mapped(span)
    assert seen is not None
    return seen.span.trace_id


def test_a_child_names_its_parent_and_keeps_its_times() -> None:
    def work(tracer: otel.Tracer) -> None:
        root = tracer.start_span("save", start_time=1_000_000_000_000)
        child = tracer.start_span("decode", otel.set_span_in_context(root), start_time=1_000_500_000_000)
        child.end(1_002_000_000_000)
        root.end(1_003_000_000_000)

    kept = exported(work)
    child, root = kept.spans()
    assert (child.parent_span_id, root.parent_span_id) == (root.span_id, None)
    assert child.duration_ms == 1500
    assert child.start_time.timestamp() == 1000.5
    assert child.end_time is not None
    assert child.end_time.timestamp() == 1002


# Attributes -------------------------------------------------------------------------------------------------------


def test_attributes_get_a_namespace_unless_they_have_one() -> None:
    given: dict[str, AttributeValue] = {
        "custom.Steps": 20,
        "gpu.name": "H100",
        "http.status-code": 200,
        "Größe": 1.5,
        "model.fp16": True,
    }

    def work(tracer: otel.Tracer) -> None:
        with tracer.start_as_current_span("x", attributes=given):
            pass

    attributes = only(work).span.attributes
    assert attributes == {
        "custom.steps": 20,
        "gpu.name": "H100",
        "otel.http.status_code": 200,
        "otel.gr__e": 1.5,
        "model.fp16": True,
        "otel.scope": "tests",
    }


def test_values_are_cut_and_typed_to_the_contract() -> None:
    kept = exported(named("x", a="é" * 5000, b=(1, 2), c=math.inf, d=2**70, e="nul\0", f=("x" * 900, "y" * 900)))
    attributes = kept.spans()[0].attributes
    assert len(str(attributes["otel.a"])) == 1024
    assert json.loads(str(attributes["otel.b"])) == [1, 2]
    assert attributes["otel.c"] == "inf"
    assert attributes["otel.d"] == str(2**70)
    assert "\0" not in str(attributes["otel.e"])
    assert len(str(attributes["otel.f"])) == 1024


def test_more_than_a_span_may_have_is_left_out_and_counted() -> None:
    attributes = exported(named("x", **{f"a{n}": n for n in range(120)})).spans()[0].attributes
    assert len(attributes) <= 100
    assert attributes["otel.dropped_attributes_count"] == 120 - (len(attributes) - 2)


def test_more_bytes_than_a_span_may_have_are_left_out_and_counted() -> None:
    attributes = exported(named("x", **{f"a{n}": "z" * 1000 for n in range(20)})).spans()[0].attributes
    assert attributes["otel.dropped_attributes_count"] == 20 - (len(attributes) - 2)


def test_what_people_and_models_wrote_is_not_sent() -> None:
    secret = "a red fox"
    names = [
        "ovpo.prompt",
        "ovpo.negative_prompt",
        "gen_ai.prompt",
        "gen_ai.prompt.0.content",
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.completion",
        "llm.prompts",
    ]
    kept = exported(named("x", **{name.replace(".", "__"): secret for name in names}, gen_ai__request__model="wan"))
    assert secret not in repr(kept.records)
    assert kept.spans()[0].attributes["otel.gen_ai.request.model"] == "wan"


def test_a_kind_that_crosses_processes_is_told() -> None:
    def work(tracer: otel.Tracer) -> None:
        tracer.start_span("x", kind=otel.SpanKind.SERVER).end()

    assert only(work).span.attributes["otel.kind"] == "SERVER"


# Frames -----------------------------------------------------------------------------------------------------------


def test_events_that_are_frames_become_frame_events() -> None:
    def work(tracer: otel.Tracer) -> None:
        with tracer.start_as_current_span("decode") as span:
            seen = {
                "frame_index": 3,
                "media_time_ms": 125,
                "step_index": 7,
                "quality.brightness_avg": 118.0,
                "quality.sharpness": 41.5,
                "gpu.vram_used_mb": 4000,
                "latent.mean": 0.25,
                "latent.nan_count": 2,
            }
            span.add_event("frame_generated", seen, timestamp=1_700_000_000_000_000_000)
            span.add_event("ovpo.frame", {"ovpo.frame_index": 4, "ovpo.media_time_ms": 166.7})
            span.add_event("ovpo.frame", {"frame_index": 5, "media_time_ms": 208.3, "ovpo.event_type": "frame_error"})
            span.add_event("frame_sampled", {"frame_index": 6, "media_time_ms": 250.0})

    first, second, third, fourth = exported(work).frames()
    assert (first.frame_index, first.media_time_ms, first.step_index) == (3, 125, 7)
    assert first.quality_metrics == {"brightness_avg": 118.0, "sharpness": 41.5}
    assert first.gpu_metrics is not None
    assert first.gpu_metrics.vram_used_mb == 4000
    assert first.latent_stats is not None
    assert (first.latent_stats.mean, first.latent_stats.nan_count) == (0.25, 2)
    assert first.observed_at.timestamp() == 1_700_000_000
    types = [first.event_type, second.event_type, third.event_type, fourth.event_type]
    assert types == [EventType.GENERATED, EventType.GENERATED, EventType.ERROR, EventType.SAMPLED]


def test_values_that_the_contract_does_not_allow_are_left_out_of_a_frame() -> None:
    def work(tracer: otel.Tracer) -> None:
        with tracer.start_as_current_span("decode") as span:
            seen = {
                "frame_index": 0,
                "media_time_ms": 0,
                "quality.brightness_avg": 900.0,
                "gpu.temperature_c": math.nan,
            }
            span.add_event("frame_generated", {**seen, "quality.edge_density": 0.5, "step_index": -1})

    [frame] = exported(work).frames()
    assert frame.quality_metrics == {"edge_density": 0.5}
    assert frame.step_index is None


def test_events_that_are_no_frames_are_counted() -> None:
    def work(tracer: otel.Tracer) -> None:
        with tracer.start_as_current_span("decode") as span:
            span.add_event("cache miss")
            span.add_event("frame_generated", {"media_time_ms": 1.0})
            span.add_event("frame_generated", {"frame_index": 1})

    kept = exported(work)
    assert kept.frames() == []
    assert kept.spans()[0].attributes["otel.events_left_out"] == 3


def test_events_that_opentelemetry_dropped_are_told() -> None:
    def work(tracer: otel.Tracer) -> None:
        with tracer.start_as_current_span("decode") as span:
            for index in range(130):
                span.add_event("frame_generated", {"frame_index": index, "media_time_ms": index * 40.0})

    kept = exported(work)
    assert len(kept.frames()) == 128
    assert kept.spans()[0].attributes["otel.dropped_events_count"] == 2
