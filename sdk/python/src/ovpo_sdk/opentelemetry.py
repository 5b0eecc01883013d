# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry spans to OVPO: an exporter for a `TracerProvider`. How one span is mapped is `otel_records`' business.

    provider.add_span_processor(BatchSpanProcessor(OvpoSpanExporter(OvpoClient())))

A trace begins with the first of its spans that ends (GENERATING), and ends with its root: the span that has no parent,
or whose parent is in another process. A root that only holds other spans, and does not say what it does itself, is the
trace and no span of it: its time would count twice. Its attributes stand in the trace's configuration.

A prompt (`ovpo.prompt`, `gen_ai.prompt`) leaves as its hash, any other attribute that holds what people or models wrote
not at all. Ids are derived from OpenTelemetry's, so that a span that is exported again is a duplicate. OpenTelemetry
keeps 128 events a span and drops the oldest; how many is told, and lowers the completeness of the trace.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from msgspec import structs
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from ovpo_sdk.bridging import Sink, emit_trace, status_after
from ovpo_sdk.errors import OvpoError
from ovpo_sdk.forks import Guard
from ovpo_sdk.kinds import TraceStatus
from ovpo_sdk.otel_records import Mapped, mapped
from ovpo_sdk.records import SCHEMA_VERSION, Failure, TraceRecord
from ovpo_sdk.shaping.attributes import MOST_CHARACTERS
from ovpo_sdk.shaping.hashing import prompt_hash
from ovpo_sdk.shaping.texts import WORD_CHARACTERS, cut

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

MOST_TRACES: Final = 4096
"""Traces that are remembered between spans, about 300 bytes each; of a longer gone one, the prompt and model that only
its children named are forgotten."""
_SHUTDOWN_SECONDS: Final = 2.0
_log: Final = logging.getLogger("ovpo_sdk")


@dataclass(slots=True)
class _Known:
    """What the spans of a trace have said so far."""

    model: str | None = None
    prompt: tuple[str, int] | None = None
    failure: Failure | None = None
    begun: bool = False
    ended: bool = False


class OvpoSpanExporter(SpanExporter):
    """Hands finished spans to a client, which it flushes but does not close."""

    def __init__(self, client: Sink) -> None:
        self._client = client
        self._guard = Guard()
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._is_shut_down = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Buffer spans; never waits for the network."""
        if self._is_shut_down:
            return SpanExportResult.FAILURE
        try:
            with self._guard.lock:
                for span in spans:
                    self._take(span)
        except OvpoError:
            _log.exception("ovpo: a span could not be taken")
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Tell whether everything was delivered in the time."""
        return self._client.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Take no more; what is buffered has two seconds to leave, and the client's own end after that."""
        if not self._is_shut_down:
            self._is_shut_down = True
            self._client.flush(_SHUTDOWN_SECONDS)

    def _take(self, span: ReadableSpan) -> None:
        seen = mapped(span)
        if seen is None:
            return
        known = self._of(seen.span.trace_id)
        _learn(known, seen)
        if not known.begun and not known.ended and not seen.is_root:
            known.begun = True
            emit_trace(self._client, _trace(seen, known, TraceStatus.GENERATING))
        for frame in seen.frames:
            self._client.emit(frame)
        if seen.is_stage or not (seen.is_root and known.begun):
            self._client.emit(seen.span)
        if seen.is_root and not known.ended:
            known.ended = True
            failure = _failure(seen, known)
            status = TraceStatus.COMPLETED if failure is None else status_after(failure)
            emit_trace(self._client, _trace(seen, known, status, failure, seen.span.end_time))

    def _of(self, trace_id: str) -> _Known:
        known = self._known.setdefault(trace_id, _Known())
        self._known.move_to_end(trace_id)
        if len(self._known) > MOST_TRACES:
            self._known.popitem(last=False)
        return known


def _learn(known: _Known, seen: Mapped) -> None:
    if seen.model is not None and (known.model is None or seen.is_root):
        known.model = seen.model
    if seen.prompt is not None and (known.prompt is None or seen.is_root):
        known.prompt = (prompt_hash(seen.prompt), len(seen.prompt))
    if known.failure is None and not seen.is_root:
        known.failure = seen.failure


def _failure(root: Mapped, known: _Known) -> Failure | None:
    """Give why a trace failed: what its root says, at the stage that failed first, which is the innermost.

    A root that names no exception failed because of that stage.
    """
    first = known.failure
    if root.failure is None or first is None:
        return root.failure
    return structs.replace(root.failure, stage=first.stage) if root.failure.details else first


def _trace(
    seen: Mapped, known: _Known, status: TraceStatus, failure: Failure | None = None, ended: datetime | None = None
) -> TraceRecord:
    config: dict[str, Any] = {} if known.model is None else {"model": cut(known.model, MOST_CHARACTERS)}
    if seen.is_root and seen.span.attributes:
        config["otel"] = {name.removeprefix("otel."): value for name, value in seen.span.attributes.items()}
    context: dict[str, Any] = {"prompt_hash": prompt_hash("")}
    if known.prompt is not None:
        context = {"prompt_hash": known.prompt[0], "prompt_length": known.prompt[1]}
    return TraceRecord(
        trace_id=seen.span.trace_id,
        status=status,
        pipeline_config=config,
        input_context=context,
        created_at=seen.span.start_time,
        started_at=seen.span.start_time,
        completed_at=ended,
        failure=failure,
        tags={} if seen.service is None else {"service": cut(seen.service, WORD_CHARACTERS)},
        schema_version=SCHEMA_VERSION,
    )
