# SPDX-License-Identifier: Apache-2.0
"""A client for tests of bridges: keeps what it is given, and insists that it is what the contract allows."""

from typing import Final

import msgspec

from ovpo_sdk.client import OvpoClient
from ovpo_sdk.records import FrameRecord, Item, SpanRecord, TraceRecord
from ovpo_sdk.testing.rules import breach_of

TENANT: Final = "test"


class Kept:
    """Takes records as a client does."""

    def __init__(self) -> None:
        self.records: list[Item] = []
        self.configuration: Final = OvpoClient(enabled=False).configuration
        self.flushes: list[float | None] = []

    def emit(self, record: Item) -> None:
        if isinstance(record, TraceRecord):
            record = msgspec.structs.replace(record, tenant_id=TENANT)
        decoded = msgspec.json.decode(msgspec.json.encode(record), type=TraceRecord | SpanRecord | FrameRecord)
        assert breach_of(decoded, TENANT) is None
        self.records.append(decoded)

    def flush(self, seconds: float | None = None) -> bool:
        self.flushes.append(seconds)
        return True

    def traces(self) -> list[TraceRecord]:
        return [one for one in self.records if isinstance(one, TraceRecord)]

    def spans(self) -> list[SpanRecord]:
        return [one for one in self.records if isinstance(one, SpanRecord)]

    def frames(self) -> list[FrameRecord]:
        return [one for one in self.records if isinstance(one, FrameRecord)]
