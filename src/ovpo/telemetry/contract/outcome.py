# SPDX-License-Identifier: Apache-2.0
"""What reading comes to: items that were taken, items that were refused and why, bodies that were refused whole."""

from datetime import datetime

from msgspec import Struct

from ovpo.foundation.http.errors import Code
from ovpo.telemetry.contract.records import ItemType, Record


class Item(Struct, frozen=True, gc=False):
    """An item that keeps the contract: its place in the batch, the record, and the record's canonical JSON."""

    index: int
    type: ItemType
    record: Record
    raw: bytes


class Breach(Struct, frozen=True):
    """One broken rule: its code, the field as a JSON path, and what to change."""

    code: Code
    field: str
    message: str


class ItemError(Struct, frozen=True):
    """An item that was refused; `item_type` and `item_id` where they could be read."""

    item_index: int
    item_type: ItemType | None
    code: Code
    field: str
    message: str
    item_id: str | None = None


class ReadBatch(Struct, frozen=True):
    """A batch whose envelope keeps the contract: each of its items is either accepted or among the errors."""

    batch_id: str
    sent_at: datetime
    idempotency_key: str | None
    accepted: tuple[Item, ...]
    errors: tuple[ItemError, ...]


class EnvelopeError(Exception):
    """A body that is refused as a whole; nothing of it is taken. The one error of this boundary."""

    def __init__(self, breach: Breach) -> None:
        super().__init__(f"{breach.code}: {breach.field}: {breach.message}")
        self.breach = breach

    @property
    def code(self) -> Code:
        """Give the error code of the contract."""
        return self.breach.code

    @property
    def field(self) -> str:
        """Give the JSON path of what is wrong."""
        return self.breach.field

    @property
    def message(self) -> str:
        """Say what to change."""
        return self.breach.message
