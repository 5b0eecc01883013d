# SPDX-License-Identifier: Apache-2.0
"""What the contract takes as one item is what one message can carry, also when the item grows as canonical JSON."""

from datetime import UTC, datetime

import msgspec
import orjson
from msgspec import Raw

from ovpo.foundation.broker.message import MAX_PAYLOAD_BYTES
from ovpo.foundation.http.errors import Code
from ovpo.telemetry.contract.limits import BODY_BYTES, ITEM_BYTES
from ovpo.telemetry.contract.read import read_batch
from ovpo.telemetry.contract.rules import Reader
from ovpo.telemetry.queue import Envelope, MessageType

TRACE = "00000000-0000-4000-8000-000000000001"


def test_a_message_carries_the_largest_item_and_its_envelope() -> None:
    envelope = Envelope("x" * 128, datetime.now(UTC), MessageType.ITEMS, "0" * 64, 1, Raw(b"0" * ITEM_BYTES))
    assert len(msgspec.json.encode(envelope)) < MAX_PAYLOAD_BYTES


def test_an_item_that_grows_beyond_a_message_is_refused_by_itself() -> None:
    def grown(numbers: int) -> bytes:
        trace = {
            "type": "trace",
            "schema_version": "0.08",
            "trace_id": TRACE,
            "tenant_id": "demo",
            "status": "PENDING",
            "pipeline_config": {},
            "input_context": {"prompt_hash": "0" * 64, "numbers": [1] * numbers},
            "created_at": "2026-11-21T12:00:00Z",
        }
        head = {"schema_version": "0.08", "batch_id": TRACE, "sent_at": "2026-11-21T12:00:00Z"}
        body = orjson.dumps({**head, "items": [trace, {**trace, "input_context": {"prompt_hash": "0" * 64}}]})
        return body.replace(b"[1,", b"[1e15,").replace(b",1", b",1e15")

    most = (ITEM_BYTES - 400) // len("1000000000000000.0,")
    assert not read_batch(grown(most), Reader("demo")).errors
    body = grown(most + 100)
    assert len(body) < BODY_BYTES
    read = read_batch(body, Reader("demo"))
    [error] = read.errors
    assert (error.item_index, error.code, error.field, error.item_id) == (0, Code.FIELD_TOO_LARGE, "$", TRACE)
    assert [item.index for item in read.accepted] == [1]
