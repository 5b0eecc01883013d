# SPDX-License-Identifier: Apache-2.0
"""Batches of telemetry for tests of the way to the collector."""

import gzip
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def new_id() -> str:
    return str(uuid4())


def trace(tenant: str = "test", **changes: Any) -> dict[str, Any]:
    """A trace that is under way."""
    return {
        "type": "trace",
        "schema_version": "0.08",
        "trace_id": new_id(),
        "tenant_id": tenant,
        "status": "GENERATING",
        "pipeline_config": {"model": "tiny"},
        "input_context": {"prompt_hash": "0" * 64},
        "created_at": AT,
        **changes,
    }


def span(**changes: Any) -> dict[str, Any]:
    """A span that ended well."""
    return {
        "type": "span",
        "schema_version": "0.08",
        "span_id": new_id(),
        "trace_id": new_id(),
        "span_kind": "SPAN_KIND_SAMPLING",
        "name": "denoise",
        "start_time": AT,
        "end_time": AT,
        "status": "OK",
        "attributes": {"custom.steps": 20},
        **changes,
    }


def frame(**changes: Any) -> dict[str, Any]:
    """A frame that was generated."""
    return {
        "type": "event",
        "schema_version": "0.08",
        "event_id": new_id(),
        "trace_id": new_id(),
        "span_id": new_id(),
        "event_type": "frame_generated",
        "observed_at": AT,
        "frame_index": 0,
        "media_time_ms": 0.0,
        **changes,
    }


def batch(*items: Any, **changes: Any) -> bytes:
    """A batch as it is before it is compressed."""
    envelope = {"schema_version": "0.08", "batch_id": new_id(), "sent_at": AT, "items": items}
    return msgspec.json.encode(envelope | changes)


def packed(*items: Any, **changes: Any) -> bytes:
    """A batch as it is sent."""
    return gzip.compress(batch(*items, **changes), 1)
