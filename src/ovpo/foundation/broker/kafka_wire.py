# SPDX-License-Identifier: Apache-2.0
"""How a queue and its messages look on Kafka: names, settings of topics, places. Pure; nothing is sent here.

A queue is a topic whose partitions are chosen by tenant and trace bucket, so one trace keeps its order. Its dead
letters are a compacted topic of one partition; a letter's removal is an empty message under the same key.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from ovpo.foundation.broker.envelope import message_of
from ovpo.foundation.broker.message import MAX_HEADER_BYTES, MAX_PAYLOAD_BYTES, Queue, Stored, bucket_of

PARTITIONS: Final = 16
MOST_BYTES: Final = MAX_PAYLOAD_BYTES + 4 * MAX_HEADER_BYTES
KEPT: Final = timedelta(days=7)

_ENOUGH_FOR_TWO_IN_SYNC: Final = 3
_PARTITION_BITS: Final = 10
_MILLISECOND: Final = timedelta(milliseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Headers = Mapping[str, str | bytes | None] | Sequence[tuple[str, str | bytes | None]]


def topic_of(queue: Queue) -> str:
    """Name the topic of a queue."""
    return f"ovpo.{queue.name}"


def dead_of(queue: Queue) -> str:
    """Name the topic of a queue's dead letters."""
    return f"ovpo.{queue.name}.dead"


def group_of(queue: Queue, consumer: str) -> str:
    """Name the group of the consumers that share a queue's messages."""
    return f"ovpo.{queue.name}.{consumer}"


def key_of(tenant: str, trace_key: str) -> bytes:
    """Partition by tenant, then by trace."""
    return f"{tenant}/{bucket_of(trace_key)}".encode()


def topic_settings(replicas: int) -> dict[str, str]:
    """Describe a queue's topic: the broker's clock tells the time, and old messages go by age alone."""
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(KEPT // _MILLISECOND),
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(MOST_BYTES),
        "min.insync.replicas": _in_sync(replicas),
    }


def dead_settings(replicas: int) -> dict[str, str]:
    """Describe the topic of the dead letters, which only an operator empties."""
    return {
        "cleanup.policy": "compact",
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(MOST_BYTES),
        "min.insync.replicas": _in_sync(replicas),
    }


def headers_in(headers: Headers | None) -> dict[str, str]:
    """Read headers as text."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
    return {name: _text(value) for name, value in pairs}


def payload_in(value: str | bytes | None) -> bytes:
    """Read the bytes of a message."""
    return value if isinstance(value, bytes) else (value or "").encode()


def written(headers: Mapping[str, str]) -> list[tuple[str, str | bytes | None]]:
    """Write headers as Kafka takes them."""
    return [(name, value.encode()) for name, value in headers.items()]


def stored_of(headers: Mapping[str, str], payload: bytes, place: tuple[int, int], milliseconds: int) -> Stored:
    """Read a message back with its place."""
    return Stored(message_of(headers, payload), sequence_of(*place), moment_of(milliseconds))


def sequence_of(partition: int, offset: int) -> int:
    """Make one number of a place; it grows within a partition, and the first of any partition lies beyond 1."""
    return (offset + 1) << _PARTITION_BITS | partition


def place_of(sequence: int) -> tuple[int, int] | None:
    """Give partition and offset of a number; none when it lies before every message."""
    offset = (sequence >> _PARTITION_BITS) - 1
    return (sequence & ((1 << _PARTITION_BITS) - 1), offset) if offset >= 0 else None


def moment_of(milliseconds: int) -> datetime:
    """Read Kafka's time."""
    return _EPOCH + milliseconds * _MILLISECOND


def milliseconds_of(moment: datetime) -> int:
    """Write Kafka's time: the first millisecond that is not before a moment."""
    return -((_EPOCH - moment) // _MILLISECOND)


def _in_sync(replicas: int) -> str:
    return "2" if replicas >= _ENOUGH_FOR_TWO_IN_SYNC else "1"


def _text(value: bytes | str | None) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value or ""
