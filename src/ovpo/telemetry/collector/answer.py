# SPDX-License-Identifier: Apache-2.0
"""What a sender is told about its batch: the counts, which always add up, and each item that was refused. Pure."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from ovpo.foundation.http.errors import Code
from ovpo.telemetry.contract.outcome import ItemError
from ovpo.telemetry.contract.records import ItemType


class BatchStatus(StrEnum):
    """Whether all, some or none of the items were taken."""

    ACCEPTED = "accepted"
    PARTIAL_FAILURE = "partial_failure"
    REJECTED = "rejected"


class RefusedItem(BaseModel):
    """An item that was not taken."""

    model_config = ConfigDict(frozen=True)

    item_index: int = Field(description="Its place in the batch, from 0", examples=[3])
    item_type: ItemType | None = Field(description="null where it could not be read")
    code: Code
    field: str = Field(description="What is wrong, as a JSON path within the item", examples=["$.attributes"])
    message: str = Field(examples=["takes at most 100 keys"])
    item_id: str | None = Field(
        None, description="Left out where it could not be read", examples=["f4dc9b64-3c83-4fa4-9025-a09eeefefc04"]
    )


class BatchAnswer(BaseModel):
    """What became of a batch; processed, duplicate and failed items add up to the items that were sent."""

    model_config = ConfigDict(frozen=True)

    status: BatchStatus
    batch_id: str = Field(examples=["0d1f6a3e-6c0b-4f5e-9a55-1b1f0d6d2c11"])
    processed_items: int = Field(description="Taken, and durable in the queue", examples=[98])
    duplicate_items: int = Field(description="Known to have been taken before; best effort", examples=[1])
    failed_items: int = Field(description="Refused; errors says why", examples=[1])
    errors: list[RefusedItem]
    processing_time_ms: float = Field(examples=[12.4])
    duplicate: bool = Field(False, description="Sent only as true: this is the answer that the key was given before")
    original_request_time: datetime | None = Field(None, description="When that was asked for first")

    def as_json(self) -> bytes:
        """Write the answer, without what there is nothing to say about."""
        return self.model_dump_json(exclude_unset=True).encode()


def compose(
    batch_id: str, *, processed: int, duplicates: int, errors: Sequence[ItemError], milliseconds: float
) -> BatchAnswer:
    """Make the first answer to a batch."""
    if not errors:
        status = BatchStatus.ACCEPTED
    else:
        status = BatchStatus.PARTIAL_FAILURE if processed + duplicates else BatchStatus.REJECTED
    return BatchAnswer(
        status=status,
        batch_id=batch_id,
        processed_items=processed,
        duplicate_items=duplicates,
        failed_items=len(errors),
        errors=[_refused(error) for error in errors],
        processing_time_ms=round(milliseconds, 3),
    )


def replayed(answer: bytes, original_request_time: datetime) -> BatchAnswer:
    """Give an answer again, saying that and of when it is."""
    return BatchAnswer.model_validate_json(answer).model_copy(
        update={"duplicate": True, "original_request_time": original_request_time}
    )


def _refused(error: ItemError) -> RefusedItem:
    said = {
        "item_index": error.item_index,
        "item_type": error.item_type,
        "code": error.code,
        "field": error.field,
        "message": error.message,
    }
    return RefusedItem.model_validate(said if error.item_id is None else said | {"item_id": error.item_id})
