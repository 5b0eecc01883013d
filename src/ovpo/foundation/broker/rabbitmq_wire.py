# SPDX-License-Identifier: Apache-2.0
"""How a queue and its messages look on RabbitMQ: names, arguments, properties. Pure; nothing here is sent or received.

A queue is a fanout exchange. Bound to it are the log, a stream that keeps every message for replay, and one work queue
for each name of consumers, a quorum queue that keeps what its consumers have not finished. A publisher's confirmation
comes when all of them have the message.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiormq import spec
from aiormq.abc import DeliveredMessage

from ovpo.foundation.broker.envelope import headers_of, message_of
from ovpo.foundation.broker.errors import UnreadableError
from ovpo.foundation.broker.message import Message, Queue, Stored

PLACE: Final = "Ovpo-Place"
MARK: Final = "Ovpo-Mark"
MICROSECOND: Final = timedelta(microseconds=1)
LOG_KEPT: Final = "7D"
SETTLED: Final = "ovpo.settled"

_NEVER_DROPPED: Final = 2_000_000_000
_PERSISTENT: Final = 2
_COUNTS: Final = ("x-delivery-count", "x-acquired-count")
_OF_THE_SERVER: Final = "x-"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is sent: headers and bytes."""

    headers: Mapping[str, str]
    payload: bytes

    def properties(self) -> spec.Basic.Properties:
        """Write the headers as RabbitMQ takes them, for a message that is to survive a restart."""
        return spec.Basic.Properties(headers=dict(self.headers), delivery_mode=_PERSISTENT)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a message is sent to; `log` names the stream that must be among those who get it."""

    exchange: str
    key: str
    log: str = ""


def to_everyone(queue: Queue) -> Route:
    """Send to the log and to every work queue."""
    return Route(exchange_of(queue), "", log_of(queue))


def to_one(name: str) -> Route:
    """Send to one queue by its name."""
    return Route("", name)


def exchange_of(queue: Queue) -> str:
    """Name the exchange that a queue's publishers send to."""
    return f"ovpo.{queue.name}"


def log_of(queue: Queue) -> str:
    """Name the stream that keeps a queue's messages for replay."""
    return f"ovpo.{queue.name}.log"


def dead_of(queue: Queue) -> str:
    """Name the queue of the dead letters."""
    return f"ovpo.{queue.name}.dead"


def work_of(queue: Queue, consumer: str) -> str:
    """Name the queue that the consumers of one name share."""
    return f"ovpo.{queue.name}.for.{consumer}"


def filled_of(queue: Queue, consumer: str) -> str:
    """Name the exchange that nobody sends to: once it exists, the work queue has had all that came before it."""
    return f"ovpo.{queue.name}.for.{consumer}.filled"


def lock_of(name: str) -> str:
    """Name the queue that exists while one connection has something for itself alone."""
    return f"{name}.lock"


def log_arguments(replicas: int) -> dict[str, Any]:
    """Describe the log: its oldest segments go by age, and nothing else of it ever does."""
    return {"x-queue-type": "stream", "x-initial-cluster-size": replicas, "x-max-age": LOG_KEPT}


def dead_arguments(replicas: int) -> dict[str, Any]:
    """Describe the queue of the dead letters: copied to other nodes where there are some."""
    return work_arguments(replicas) if replicas > 1 else {"x-queue-type": "classic"}


def work_arguments(replicas: int) -> dict[str, Any]:
    """Describe a queue that drops nothing by itself, however often a message comes back to it."""
    return {"x-queue-type": "quorum", "x-quorum-initial-group-size": replicas, "x-delivery-limit": _NEVER_DROPPED}


def envelope_of(message: Message, place: int) -> Envelope:
    """Write a message with its place in the queue."""
    return Envelope({**headers_of(message), PLACE: str(place)}, message.payload)


def headers_in(properties: spec.Basic.Properties) -> dict[str, str]:
    """Read the headers that we, or anybody, wrote; what is no text becomes one."""
    found: Mapping[str, Any] = properties.headers or {}
    return {name: value if isinstance(value, str) else str(value) for name, value in found.items()}


def stored_of(headers: Mapping[str, str], payload: bytes) -> Stored:
    """Read a message back with its place, which is the microsecond of its publication."""
    place = place_of(headers)
    if place is None:
        raise UnreadableError(f"unreadable: '{PLACE}' is missing")
    return Stored(message_of(headers, payload), place, moment_of(place))


def place_of(headers: Mapping[str, str]) -> int | None:
    """Read the place of a message; none where it was not OVPO that wrote it."""
    digits = headers.get(PLACE, "")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 17 else None


def moment_of(place: int) -> datetime:
    """Say when the message of a place was published."""
    return _EPOCH + timedelta(microseconds=place)


def place_at(moment: datetime) -> int:
    """Give the first place of a moment."""
    return -((_EPOCH - moment) // MICROSECOND)


def attempt_of(headers: Mapping[str, str]) -> int:
    """Say how many times a quorum queue has delivered a message, this time included.

    Release 4.3 counts failures in one header and all deliveries in another; those before know the first, for all.
    """
    return max(int(headers.get(name, "0")) for name in _COUNTS) + 1


def mark_of(name: str) -> Envelope:
    """Write a message that only serves to show where a log ends, or that it takes messages."""
    return Envelope({MARK: name}, b"")


def own_part(headers: Mapping[str, str]) -> dict[str, str]:
    """Keep the headers that the server did not add: those tell of the queue a message lay in."""
    return {name: value for name, value in headers.items() if not name.startswith(_OF_THE_SERVER)}


def tag_of(raw: DeliveredMessage) -> int:
    """Give the number by which a delivery is answered on its channel."""
    tag = raw.delivery_tag
    if tag is None:
        raise UnreadableError("RabbitMQ: a delivery without a tag")
    return tag
