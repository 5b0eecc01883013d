# SPDX-License-Identifier: Apache-2.0
"""A finished OpenTelemetry span as OVPO records. Pure; what becomes of whole traces is `opentelemetry`'s business."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from opentelemetry.trace import SpanKind as OtelKind
from opentelemetry.trace import StatusCode, format_span_id, format_trace_id

from ovpo_sdk.bridging import at_nanoseconds, derived_id, failure_named, span_kind
from ovpo_sdk.ids import as_id
from ovpo_sdk.kinds import EventType, SpanKind, SpanStatus
from ovpo_sdk.records import SCHEMA_VERSION, Failure, FrameRecord, GpuMetrics, LatentStats, SpanRecord
from ovpo_sdk.shaping.attributes import MOST, MOST_CHARACTERS, Attribute, shaped
from ovpo_sdk.shaping.frames import shaped_gpu, shaped_index, shaped_latents, shaped_media_time, shaped_quality
from ovpo_sdk.shaping.texts import NAME_CHARACTERS, cut

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Event, ReadableSpan

KIND: Final = "ovpo.span_kind"
KINDS_BY_NAME: Final = (
    (re.compile(r"(^|_)(down)?load"), SpanKind.LOAD),
    (re.compile(r"guard|safety|nsfw"), SpanKind.GUARD),
    (re.compile(r"queue|(^|_)wait"), SpanKind.QUEUE),
    (re.compile(r"text_?encod|prompt_?encod|encode_?prompt"), SpanKind.TEXT_ENCODE),
    (re.compile(r"output|mux|encode_?video|video_?encod|save"), SpanKind.OUTPUT_ENCODE),
    (re.compile(r"post_?process|upscal|interpolat|(up|down|re)sampl"), SpanKind.POSTPROCESS),
    (re.compile(r"decod|vae"), SpanKind.DECODE),
    (re.compile(r"sampl|denois|diffus"), SpanKind.SAMPLING),
)
"""What a span's name says where the attribute does not: the first that is found in it, in lower case and with `_` for
spaces, dots and hyphens. Words that say more come before those that are part of others: `upsample` is no sampling."""
FRAME_EVENTS: Final = {kind.value: kind for kind in EventType} | {"ovpo.frame": EventType.GENERATED}

_KEPT: Final = re.compile(r"(ovpo|custom|otel|gpu|model)\.")
_FOREIGN: Final = re.compile(r"[^a-z0-9_.]")
_WORDS: Final = re.compile(
    r"(gen_ai|llm|ovpo)\.(negative_)?(prompts?|completions?|input|output|system_instructions|tool)([._]|$)"
)
"""Attributes that hold what people or models wrote; none of them is sent."""
_PROMPTS: Final = ("ovpo.prompt", "gen_ai.prompt")
_MODELS: Final = ("model.name", "gen_ai.request.model")
_SEPARATORS: Final = re.compile(r"[\s.\-]+")
_KEY_CHARACTERS: Final = 200
_OWN: Final = 8
"""So many of the attributes a span may have are left for what this bridge says itself."""
_LATENTS: Final = ("mean", "std_dev", "min_val", "max_val")


@dataclass(frozen=True, slots=True)
class Mapped:
    """A span, and what it says about its trace."""

    span: SpanRecord
    frames: tuple[FrameRecord, ...]
    is_root: bool
    is_stage: bool
    """Whether it says what it does, by its attribute or its name, or holds frames."""
    model: str | None
    prompt: str | None
    failure: Failure | None
    service: str | None


def trace_id_of(otel_id: int) -> str:
    """Give a trace's id: the same 128 bits, but for the six that a UUID of version 4 needs."""
    return as_id(otel_id.to_bytes(16, "big"))


def span_id_of(otel_trace_id: int, otel_id: int) -> str:
    """Give a span's id: always the same for the same span."""
    return derived_id("otel-span", format_trace_id(otel_trace_id), format_span_id(otel_id))


def mapped(span: ReadableSpan) -> Mapped | None:
    """Map a span; one that has no context or has not ended cannot be sent."""
    context, start, end = span.context, span.start_time, span.end_time
    if context is None or start is None or end is None:
        return None
    attributes = span.attributes or {}
    exception = _exception(span.events)
    failed = span.status.status_code is StatusCode.ERROR
    own_id, trace_id = span_id_of(context.trace_id, context.span_id), trace_id_of(context.trace_id)
    frames, left_out = _frames(span.events, trace_id, own_id)
    is_root = span.parent is None or span.parent.is_remote
    kind = _kind(span.name, attributes)
    record = SpanRecord(
        span_id=own_id,
        trace_id=trace_id,
        span_kind=kind or SpanKind.POSTPROCESS,
        name=cut(span.name, NAME_CHARACTERS),
        start_time=at_nanoseconds(start),
        end_time=at_nanoseconds(max(start, end)),
        duration_ms=max(0, end - start) / 1e6,
        status=SpanStatus.ERROR if failed else SpanStatus.OK,
        parent_span_id=None if is_root or span.parent is None else span_id_of(context.trace_id, span.parent.span_id),
        attributes=_attributes(span, attributes, exception if failed else None, left_out),
        schema_version=SCHEMA_VERSION,
    )
    return Mapped(
        span=record,
        frames=frames,
        is_root=is_root,
        is_stage=kind is not None or bool(frames) or span.dropped_events > 0,
        model=_text(attributes, _MODELS),
        prompt=_text(attributes, _PROMPTS),
        failure=_failure(span, exception) if failed else None,
        service=_service(span),
    )


def _kind(name: str, attributes: Mapping[str, object]) -> SpanKind | None:
    said = span_kind(attributes.get(KIND))
    if said is not None:
        return said
    plain = _SEPARATORS.sub("_", name.lower())
    return next((kind for pattern, kind in KINDS_BY_NAME if pattern.search(plain)), None)


def _text(attributes: Mapping[str, object], names: Sequence[str]) -> str | None:
    return next((value for name in names if isinstance(value := attributes.get(name), str) and value), None)


def _service(span: ReadableSpan) -> str | None:
    name = span.resource.attributes.get("service.name")
    return name if isinstance(name, str) and name and not name.startswith("unknown_service") else None


# Attributes -------------------------------------------------------------------------------------------------------


def _attributes(
    span: ReadableSpan, given: Mapping[str, object], exception: Mapping[str, object] | None, events_left_out: int
) -> dict[str, Attribute]:
    own: dict[str, Attribute] = {}
    if span.kind is not OtelKind.INTERNAL:
        own["otel.kind"] = span.kind.name
    if span.instrumentation_scope is not None and span.instrumentation_scope.name:
        own["otel.scope"] = cut(span.instrumentation_scope.name, MOST_CHARACTERS)
    if span.status.description:
        own["otel.status_description"] = cut(span.status.description, MOST_CHARACTERS)
    if exception is not None:
        own["otel.exception_type"] = cut(str(exception.get("exception.type", "")), MOST_CHARACTERS)
    if span.dropped_events:
        own["otel.dropped_events_count"] = span.dropped_events
    if events_left_out:
        own["otel.events_left_out"] = events_left_out
    theirs = {_key(name): _value(value) for name, value in given.items() if not _is_private(name)}
    room = MOST - _OWN
    lost: list[str] = []
    kept = shaped(dict(list(theirs.items())[:room]), lost.append)
    dropped = span.dropped_attributes + len(theirs) - len(kept)
    if dropped:
        own["otel.dropped_attributes_count"] = dropped
    return shaped({**kept, **own}, lost.append)


def _is_private(name: str) -> bool:
    return name == KIND or _WORDS.match(name.lower()) is not None


def _key(name: str) -> str:
    plain = _FOREIGN.sub("_", name.lower())[:_KEY_CHARACTERS]
    return plain if _KEPT.match(plain) and not plain.endswith(".") else f"otel.{plain or 'attribute'}"


def _value(value: object) -> Attribute:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return cut(value, MOST_CHARACTERS)
    return cut(json.dumps(value, ensure_ascii=False, default=_plain), MOST_CHARACTERS)


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


# Events -----------------------------------------------------------------------------------------------------------


def _exception(events: Sequence[Event]) -> Mapping[str, object] | None:
    return next((event.attributes or {} for event in reversed(events) if event.name == "exception"), None)


def _failure(span: ReadableSpan, exception: Mapping[str, object] | None) -> Failure:
    said = exception or {}
    message = str(said.get("exception.message") or span.status.description or "")
    return failure_named(str(said.get("exception.type", "")), message, span.name)


def _frames(events: Sequence[Event], trace_id: str, span_id: str) -> tuple[tuple[FrameRecord, ...], int]:
    """Map the events that are frames; count those that are neither a frame nor the exception."""
    frames: list[FrameRecord] = []
    left_out = 0
    for place, event in enumerate(events):
        frame = _frame(event, trace_id, span_id, place) if event.name in FRAME_EVENTS else None
        if frame is not None:
            frames.append(frame)
        elif event.name != "exception":
            left_out += 1
    return tuple(frames), left_out


def _frame(event: Event, trace_id: str, span_id: str, place: int) -> FrameRecord | None:
    said = {name.removeprefix("ovpo."): value for name, value in (event.attributes or {}).items()}
    lost: list[str] = []
    index = shaped_index(said.get("frame_index"), lost.append)
    media_time = shaped_media_time(said.get("media_time_ms"), lost.append)
    if index is None or media_time is None:
        return None
    step = said.get("step_index")
    latents = _latents(said)
    gpu = _numbers(said, "gpu.", GpuMetrics.__struct_fields__)
    quality = {name.removeprefix("quality."): value for name, value in said.items() if name.startswith("quality.")}
    return FrameRecord(
        event_id=derived_id("otel-event", span_id, str(place), event.name, str(event.timestamp)),
        trace_id=trace_id,
        span_id=span_id,
        event_type=_event_type(event.name, said.get("event_type")),
        observed_at=at_nanoseconds(event.timestamp),
        frame_index=index,
        media_time_ms=media_time,
        step_index=None if step is None else shaped_index(step, lost.append),
        latent_stats=shaped_latents(latents, lost.append) if latents != LatentStats() else None,
        gpu_metrics=shaped_gpu(GpuMetrics(**gpu), lost.append) if gpu else None,
        quality_metrics=shaped_quality(quality, lost.append),
        schema_version=SCHEMA_VERSION,
    )


def _event_type(name: str, said: object) -> EventType:
    return FRAME_EVENTS.get(said, FRAME_EVENTS[name]) if isinstance(said, str) else FRAME_EVENTS[name]


def _latents(said: Mapping[str, object]) -> LatentStats:
    nans, infinities = (_count(said.get(f"latent.{name}")) for name in ("nan_count", "inf_count"))
    return LatentStats(**_numbers(said, "latent.", _LATENTS), nan_count=nans, inf_count=infinities)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _numbers(said: Mapping[str, object], prefix: str, names: Sequence[str]) -> dict[str, float]:
    return {
        name: float(value)
        for name in names
        if isinstance(value := said.get(f"{prefix}{name}"), int | float) and not isinstance(value, bool)
    }
