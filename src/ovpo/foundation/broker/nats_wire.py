# SPDX-License-Identifier: Apache-2.0
"""How a message looks on NATS: subjects, headers, names of streams. Pure; nothing here is sent or received."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from ovpo.foundation.broker.envelope import MESSAGE_ID, TRACE, printable
from ovpo.foundation.broker.errors import BrokerError, UnreadableError
from ovpo.foundation.broker.message import DeadLetter, Message, Queue, Stored

DEDUPLICATION_ID: Final = "Nats-Msg-Id"
EXPECTED_STREAM: Final = "Nats-Expected-Stream"
DEAD_REASON: Final = "Ovpo-Dead-Reason"
DEAD_ATTEMPTS: Final = "Ovpo-Dead-Attempts"
DEAD_SUBJECT: Final = "Ovpo-Dead-Subject"
DEAD_SEQUENCE: Final = "Ovpo-Dead-Sequence"

_OURS: Final = ("nats-", "ovpo-")
_MOST_REASON: Final = 500
_ACK_TOKENS: Final = 9
_ACK_TOKENS_WITH_DOMAIN: Final = 11
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What JetStream tells about a delivery in the subject that it wants its answer on."""

    attempt: int
    sequence: int
    nanoseconds: int
    pending: int

    @property
    def published_at(self) -> datetime:
        """When the message was stored."""
        return _EPOCH + timedelta(microseconds=self.nanoseconds // 1000)


def stream_of(queue: Queue) -> str:
    """Name the stream that holds a queue."""
    return "OVPO_" + queue.name.upper()


def dead_stream_of(queue: Queue) -> str:
    """Name the stream that holds a queue's dead letters."""
    return "OVPO_DEAD_" + queue.name.upper()


def subjects_of(queue: Queue) -> str:
    """Give the pattern of all subjects of a queue."""
    return f"ovpo.{queue.name}.*.*"


def dead_subject_of(queue: Queue) -> str:
    """Give the subject of a queue's dead letters; four tokens less one, so that no queue's pattern covers it."""
    return f"ovpo.dead.{queue.name}"


def subject_of(queue: Queue, message: Message) -> str:
    """Partition by tenant, then by trace."""
    return f"ovpo.{queue.name}.{message.tenant}.{message.bucket}"


def headers_of(queue: Queue, message: Message) -> dict[str, str]:
    """Write what the subject cannot say into headers."""
    return {
        DEDUPLICATION_ID: message.message_id,
        EXPECTED_STREAM: stream_of(queue),
        MESSAGE_ID: message.message_id,
        TRACE: message.trace_key,
        **message.headers,
    }


def receipt_of(reply: str) -> Receipt:
    """Read the address that JetStream wants a delivery answered on.

    `$JS.ACK.[domain.account.]stream.consumer.attempt.sequence.consumer_sequence.nanoseconds.pending[.token]`
    """
    tokens = reply.split(".")
    first = 4 if len(tokens) == _ACK_TOKENS else 6
    if len(tokens) != _ACK_TOKENS and len(tokens) < _ACK_TOKENS_WITH_DOMAIN:
        raise UnreadableError(f"NATS: {reply[:200]!r} is no address of a JetStream delivery")
    return Receipt(
        attempt=int(tokens[first]),
        sequence=int(tokens[first + 1]),
        nanoseconds=int(tokens[first + 3]),
        pending=int(tokens[first + 4]),
    )


def stored_of(subject: str, headers: Mapping[str, str] | None, payload: bytes, receipt: Receipt) -> Stored:
    """Read a message back as it was published."""
    found = headers or {}
    try:
        message = Message(
            message_id=found[MESSAGE_ID],
            tenant=subject.split(".")[2],
            trace_key=found[TRACE],
            payload=payload,
            headers=foreign_headers(found),
        )
    except (KeyError, IndexError) as missing:
        raise UnreadableError(f"unreadable: {missing} is missing") from None
    except BrokerError as refused:
        raise UnreadableError(f"unreadable: {refused}") from None
    return Stored(message=message, sequence=receipt.sequence, published_at=receipt.published_at)


def foreign_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Keep the headers that are neither the broker's nor ours."""
    return {name: value for name, value in headers.items() if not name.lower().startswith(_OURS)}


def burial_headers(
    subject: str, headers: Mapping[str, str] | None, receipt: Receipt, consumer: str, reason: str
) -> dict[str, str]:
    """Write a dead letter's headers. The deduplication id lets two consumers bury one message once."""
    kept = {name: value for name, value in (headers or {}).items() if not name.lower().startswith("nats-")}
    return {
        **kept,
        DEDUPLICATION_ID: f"{consumer}.{receipt.sequence}.{receipt.nanoseconds}",
        DEAD_REASON: printable(reason)[:_MOST_REASON],
        DEAD_ATTEMPTS: str(receipt.attempt),
        DEAD_SUBJECT: subject,
        DEAD_SEQUENCE: str(receipt.sequence),
    }


def revival_headers(queue: Queue, headers: Mapping[str, str], letter_id: str, died: str) -> dict[str, str]:
    """Write the headers of a message that goes back into its queue.

    The queue still remembers the first deduplication id, so another is needed; the same for the same letter, so that
    a replay that broke off may be repeated.
    """
    kept = {name: value for name, value in headers.items() if not name.lower().startswith(("nats-", "ovpo-dead-"))}
    return {
        **kept,
        DEDUPLICATION_ID: f"{headers.get(MESSAGE_ID, '')}.replay.{letter_id}.{died}",
        EXPECTED_STREAM: stream_of(queue),
    }


def letter_of(letter_id: str, headers: Mapping[str, str], died_at: datetime, payload_bytes: int) -> DeadLetter:
    """Read a dead letter from its headers alone; what an unreadable message lacks is empty."""
    subject = headers.get(DEAD_SUBJECT, "").split(".")
    return DeadLetter(
        letter_id=letter_id,
        message_id=headers.get(MESSAGE_ID, ""),
        tenant=subject[2] if len(subject) > 2 else "",
        trace_key=headers.get(TRACE, ""),
        reason=headers.get(DEAD_REASON, ""),
        attempts=int(headers.get(DEAD_ATTEMPTS, "0")),
        sequence=int(headers.get(DEAD_SEQUENCE, "0")),
        died_at=died_at,
        payload_bytes=payload_bytes,
        headers=foreign_headers(headers),
    )
