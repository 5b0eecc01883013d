# SPDX-License-Identifier: Apache-2.0
"""How records look as rows of PostgreSQL. Pure."""

from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Raw

from ovpo.foundation.http.errors import Code
from ovpo.telemetry.contract.records import ItemType, VideoTrace
from ovpo.telemetry.processor.merging import Refusal
from ovpo.telemetry.processor.reading import SpanRecord

Row: TypeAlias = tuple[Any, ...]
_JSON: Final = msgspec.json.Encoder()


def span_row(one: SpanRecord) -> Row:
    """Give the columns of a span in the order of `COPY_SPANS`."""
    span = one.span
    return (
        one.tenant_id,
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        span.span_kind.value,
        span.name,
        span.status.value,
        _utc(span.start_time),
        _utc(span.end_time),
        span.duration_ms,
        _text(span.attributes),
        one.digest,
        one.received_at,
    )


def merged_row(tenant_id: str, trace: VideoTrace) -> Row:
    """Give the columns of a merged trace in the order of `COPY_MERGED`."""
    return (
        tenant_id,
        trace.trace_id,
        trace.status.value,
        trace.parent_trace_id,
        trace.user_id_hash,
        _raw(trace.pipeline_config),
        trace.pipeline_config_ref,
        _raw(trace.input_context),
        _text(trace.output_manifest),
        _text(trace.cost_attribution),
        _text(trace.failure),
        trace.retry_count,
        _text(trace.tags),
        _utc(trace.created_at),
        _utc(trace.started_at),
        _utc(trace.completed_at),
    )


def refused_record_row(refusal: Refusal) -> Row:
    """Give the columns of `NOTE_REFUSED` for a record of a trace."""
    one, trace_id = refusal.record, refusal.record.trace.trace_id
    item = (ItemType.TRACE, trace_id, refusal.code, refusal.reason, one.received_at, one.text.decode())
    return (one.tenant_id, trace_id, one.digest, *item)


def refused_span_row(one: SpanRecord) -> Row:
    """Give the columns of `NOTE_REFUSED` for a span whose id is taken."""
    reason = "another span of the trace has this id; the first to come stays"
    item = (ItemType.SPAN, one.span.span_id, Code.CONFLICT, reason, one.received_at, one.text.decode())
    return (one.tenant_id, one.span.trace_id, one.digest, *item)


def _utc(moment: datetime | None) -> datetime | None:
    """Spell an instant as PostgreSQL reads it: RFC 3339 has offsets up to 23:59, PostgreSQL up to 15:59."""
    return None if moment is None else moment.astimezone(UTC)


def _text(value: object) -> str | None:
    return None if value is None else _JSON.encode(value).decode()


def _raw(value: Raw) -> str | None:
    return bytes(value).decode() or None
