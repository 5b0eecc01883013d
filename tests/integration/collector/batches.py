# SPDX-License-Identifier: Apache-2.0
"""Builders of items and batches that keep the contract, so that a test says only what it is about."""

from typing import Any
from uuid import uuid4

import orjson

Item = dict[str, Any]


def new_id() -> str:
    return str(uuid4())


def span(trace_id: str | None = None, **changes: Any) -> Item:
    return {
        "type": "span",
        "schema_version": "0.08",
        "span_id": new_id(),
        "trace_id": trace_id or new_id(),
        "span_kind": "SPAN_KIND_SAMPLING",
        "name": "sampling",
        "start_time": "2026-11-21T12:00:00Z",
        "status": "ERROR",
        **changes,
    }


def trace(trace_id: str | None = None, tenant: str = "demo", **changes: Any) -> Item:
    return {
        "type": "trace",
        "schema_version": "0.08",
        "trace_id": trace_id or new_id(),
        "tenant_id": tenant,
        "status": "COMPLETED",
        "pipeline_config": {},
        "input_context": {"prompt_hash": "0" * 64},
        "created_at": "2026-11-21T12:00:00Z",
        **changes,
    }


def event(trace_id: str, frame_index: int) -> Item:
    return {
        "type": "event",
        "schema_version": "0.08",
        "event_id": new_id(),
        "trace_id": trace_id,
        "span_id": new_id(),
        "event_type": "frame_generated",
        "observed_at": "2026-11-21T12:00:00Z",
        "frame_index": frame_index,
        "media_time_ms": frame_index * 40,
    }


def batch(*items: object, **changes: Any) -> bytes:
    envelope = {"schema_version": "0.08", "batch_id": new_id(), "sent_at": "2026-11-21T12:00:01Z", "items": list(items)}
    return orjson.dumps(envelope | changes)
