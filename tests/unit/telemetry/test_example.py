# SPDX-License-Identifier: Apache-2.0
"""The example that the demo sends keeps the contract."""

from datetime import UTC, datetime
from uuid import uuid4

import orjson

from ovpo.telemetry import example
from ovpo.telemetry.contract.read import read_batch
from ovpo.telemetry.contract.records import FrameEvent
from ovpo.telemetry.contract.rules import Reader


def test_the_example_keeps_the_contract() -> None:
    body = orjson.dumps(example.batch("demo", uuid4(), datetime.now(UTC)))
    read = read_batch(body, Reader("demo"))
    frames = [item.record for item in read.accepted if isinstance(item.record, FrameEvent)]
    assert read.errors == ()
    assert len(frames) == example.FRAMES


def test_two_examples_share_no_id() -> None:
    first, second = (example.batch("demo", uuid4(), datetime.now(UTC)) for _ in range(2))
    assert first["batch_id"] != second["batch_id"]
    ids = [
        item.get("event_id") or item.get("span_id") or item["trace_id"] for item in (*first["items"], *second["items"])
    ]
    assert len(set(ids)) == len(ids)
