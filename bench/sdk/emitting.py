# SPDX-License-Identifier: Apache-2.0
"""What a call costs on the caller's thread, in turns with the OpenTelemetry SDK's in one process.

A pipeline emits in bursts and then works, so a burst is timed and a pause follows, in which the background threads of
both do their part. What goes on without a pause is timed apart: there the background threads take the interpreter.
OpenTelemetry exports to nothing, which favours it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter, sleep, thread_time
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from ovpo_sdk import OvpoClient, SpanKind

BURST: Final = 240
ROUNDS: Final = 120
PAUSE_SECONDS: Final = 0.02
AT_A_STRETCH: Final = 50_000
STRETCHES: Final = 5
QUALITY: Final = {"motion_score": 1.25, "brightness_avg": 101.5, "temporal_consistency": 0.93}

Work = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds a call."""

    in_bursts: float
    at_a_stretch: float
    cpu_at_a_stretch: float


class _Nowhere(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002
        return SpanExportResult.SUCCESS


def costs(endpoint: str, key: str) -> Mapping[str, Cost]:
    """Time every kind of call."""
    provider = TracerProvider(span_limits=SpanLimits(max_events=10 * AT_A_STRETCH))
    provider.add_span_processor(BatchSpanProcessor(_Nowhere()))
    with OvpoClient(endpoint, key, handle_sigterm=False) as client:
        works = {**_ours(client), **_theirs(provider)}
        bursts = _in_turns(works)
        stretches = {name: [_stretch(work) for _ in range(STRETCHES)] for name, work in works.items()}
    provider.shutdown()
    return {
        name: Cost(bursts[name], median(wall for wall, _ in runs), median(cpu for _, cpu in runs))
        for name, runs in stretches.items()
    }


def _in_turns(works: Mapping[str, Work]) -> Mapping[str, float]:
    seen: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            begun = perf_counter()
            work(BURST)
            seen[name].append((perf_counter() - begun) / BURST * 1e6)
            sleep(PAUSE_SECONDS)
    return {name: median(times) for name, times in seen.items()}


def _stretch(work: Work) -> tuple[float, float]:
    begun, spent = perf_counter(), thread_time()
    work(AT_A_STRETCH)
    wall, cpu = perf_counter() - begun, thread_time() - spent
    sleep(10 * PAUSE_SECONDS)
    return wall / AT_A_STRETCH * 1e6, cpu / AT_A_STRETCH * 1e6


def _ours(client: OvpoClient) -> Mapping[str, Work]:
    trace = client.trace("bench").start()
    sampling = trace.span(SpanKind.SAMPLING).start()

    def frames(count: int) -> None:
        for index in range(count):
            sampling.frame(index, 41.7)

    def measured_frames(count: int) -> None:
        for index in range(count):
            sampling.frame(index, 41.7, quality=QUALITY)

    def spans(count: int) -> None:
        for index in range(count):
            with trace.span(SpanKind.DECODE, "decode", _attributes(index)):
                pass

    return {"frame": frames, "frame, 3 metrics": measured_frames, "span, 8 attributes": spans}


def _theirs(provider: TracerProvider) -> Mapping[str, Work]:
    tracer = provider.get_tracer("bench")

    def frames(count: int) -> None:
        with tracer.start_as_current_span("sampling") as span:
            for index in range(count):
                span.add_event("frame", {"frame_index": index, "media_time_ms": 41.7})

    def measured_frames(count: int) -> None:
        with tracer.start_as_current_span("sampling") as span:
            for index in range(count):
                span.add_event("frame", {"frame_index": index, "media_time_ms": 41.7, **QUALITY})

    def spans(count: int) -> None:
        for index in range(count):
            with tracer.start_as_current_span("decode", attributes=_attributes(index)):
                pass

    return {
        "OpenTelemetry: add_event": frames,
        "OpenTelemetry: add_event, 3 metrics": measured_frames,
        "OpenTelemetry: span, 8 attributes": spans,
    }


def _attributes(index: int) -> dict[str, str | int | float | bool]:
    return {
        "gpu.model": "h100",
        "model.name": "wan-2.1",
        "custom.scheduler": "unipc",
        "custom.precision": "bf16",
        "custom.steps": 24,
        "custom.index": index,
        "custom.guidance": 5.5,
        "custom.tiled": True,
    }
