# SPDX-License-Identifier: Apache-2.0
"""Builders of what the processor reads out of the queue, so that a test says only what it is about."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson

from ovpo.telemetry.processor.reading import TraceRecord, read
from ovpo.telemetry.queue import MessageType
from tests.integration.collector.batches import Item, trace

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TRACE_ID = "5d8f4c3e-2b1a-4f6e-9c7d-8a9b0c1d2e3f"


def message(*items: Item, tenant: str = "demo", received_at: datetime = NOON, **changes: Any) -> bytes:
    """Give the bytes of a message as the collector packs it; what is said of the envelope overrides."""
    content = orjson.dumps(list(items), option=orjson.OPT_SORT_KEYS)
    envelope = {
        "tenant_id": tenant,
        "received_at": received_at.isoformat(),
        "message_type": MessageType.ITEMS,
        "content_hash": sha256(content).hexdigest(),
        "attempt": 1,
        "payload": orjson.Fragment(content),
    }
    return orjson.dumps(envelope | changes)


def record(status: str, seconds: float = 0, **changes: Any) -> TraceRecord:
    """Give a record of one trace that a collector received so many seconds after noon."""
    item = trace(TRACE_ID, status=status, **changes)
    [one] = read(message(item, received_at=NOON + timedelta(seconds=seconds))).traces
    return one
