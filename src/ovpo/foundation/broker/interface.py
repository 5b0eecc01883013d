# SPDX-License-Identifier: Apache-2.0
"""What OVPO asks of a message broker. Adapters implement it; services know nothing else.

Delivery is at least once: a message is stored before its publisher is told so, and comes again until it is
acknowledged. Messages of one trace keep their order as long as none of them is delivered a second time.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from ovpo.foundation.broker.capability import Capability
from ovpo.foundation.broker.message import DeadLetter, FromSequence, FromTime, Message, Queue, Retries, Stored


class Publisher(Protocol):
    """Puts messages into one queue."""

    async def publish_many(self, messages: Sequence[Message], within: float = 10.0) -> None:
        """Return when every message is durable; else raise `UnconfirmedError`, which names the others.

        Retries while the broker restarts, up to `within` seconds.
        """
        ...


class Delivery(Protocol):
    """One attempt at one message. Exactly one of the three answers ends it; none at all brings the message again."""

    @property
    def stored(self) -> Stored:
        """The message and its place in the queue."""
        ...

    @property
    def attempt(self) -> int:
        """How many times the message was delivered, this one included."""
        ...

    async def ack(self) -> None:
        """Finish the message; returns when the broker has noted it."""
        ...

    async def nak(self, delay: float, reason: str) -> None:
        """Give the message back for another try after `delay` seconds; the last attempt makes it a dead letter."""
        ...

    async def term(self, reason: str) -> None:
        """Give the message up at once: it becomes a dead letter."""
        ...


class Consumer(Protocol):
    """Takes messages out of one queue; all consumers of one name share its messages."""

    async def fetch(self, most: int, wait: float) -> list[Delivery]:
        """Take what is there, up to `most` and `MAX_FETCH_BYTES`; wait at most `wait` seconds, for the first only."""
        ...

    async def waiting(self) -> int | None:
        """Count the messages that no consumer of this name has been given yet; None where the broker does not say."""
        ...

    async def close(self) -> None:
        """Stop taking; what was delivered and not answered comes again."""
        ...


class DeadLetters(Protocol):
    """The messages of one queue that were given up, for an operator."""

    async def page(self, after: str | None, most: int) -> list[DeadLetter]:
        """List the oldest first; `after` is the id of the last letter that was seen."""
        ...

    async def inspect(self, letter_id: str) -> DeadLetter:
        """Show one letter."""
        ...

    async def payload(self, letter_id: str) -> bytes:
        """Give the bytes of one letter."""
        ...

    async def replay(self, letter_id: str) -> None:
        """Put the message back into its queue with all its attempts anew, then remove the letter."""
        ...

    async def remove(self, letter_id: str) -> None:
        """Forget the letter for ever."""
        ...


class Broker(Protocol):
    """A connection to a broker."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this broker does that another may not."""
        ...

    async def ensure(self, queue: Queue) -> None:
        """Make the queue and its dead letters as they should be; any service may call it at any time."""
        ...

    def publisher(self, queue: Queue) -> Publisher:
        """Open the sending side of a queue."""
        ...

    async def consumer(self, queue: Queue, name: str, retries: Retries) -> Consumer:
        """Open the receiving side of a queue for the group of consumers called `name`."""
        ...

    def dead_letters(self, queue: Queue) -> DeadLetters:
        """Open the dead letters of a queue."""
        ...

    def read(self, queue: Queue, start: FromSequence | FromTime) -> AsyncIterator[Stored]:
        """Read again what the queue holds, consumed or not, from `start` to its present end; changes nothing."""
        ...

    async def forget(self, queue: Queue, before: datetime) -> int:
        """Free the space of messages that every consumer finished and that are older than `before`; say how many.

        What a consumer still has to see is kept, and so is what the queue needs to recognise a duplicate. Without
        `Capability.FORGETTING` nothing is freed.
        """
        ...

    async def ready(self) -> None:
        """Ask the server whether it can serve; raise `BrokerError` when it cannot."""
        ...

    async def close(self) -> None:
        """End the connection."""
        ...
