# SPDX-License-Identifier: Apache-2.0
"""One member of a consumer group: the thread that asks Kafka, the shelf of messages, and the progress it commits.

The thread fills the shelf and stops when it is full, so memory stays bounded; the loop empties it. The progress belongs
to both, hence the lock, which nobody holds while waiting for anything. The client lets one thread at a time in, for as
long as a poll lasts: so the thread alone uses it, polls briefly, and does between two polls what the loop orders.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from ovpo.foundation.broker.errors import BrokerUnavailableError
from ovpo.foundation.broker.kafka_link import ASK_SECONDS, RETRY_SECONDS, Link, reason
from ovpo.foundation.broker.kafka_progress import Progress
from ovpo.foundation.broker.kafka_wire import headers_in, payload_in
from ovpo.foundation.broker.message import MAX_PAYLOAD_BYTES

JOIN_SECONDS: Final = 15.0
SHELF_MESSAGES: Final = 2000
SHELF_BYTES: Final = 2 * MAX_PAYLOAD_BYTES
SESSION_MILLISECONDS: Final = 10_000
POLL_SECONDS: Final = 0.01
# A partition that goes on waits for the request that is under way without it.
FETCH_MILLISECONDS: Final = 100

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Raw:
    """A message as it came; `settled` once it needs no further delivery by us."""

    partition: int
    offset: int
    headers: dict[str, str]
    payload: bytes
    milliseconds: int
    settled: bool = False


class Member:
    """The client of one group member. Everything but `_run` and the callbacks belongs to the loop."""

    def __init__(self, link: Link, topic: str, group: str) -> None:
        self.shelf: deque[Raw] = deque()
        self._topic = topic
        self._loop = asyncio.get_running_loop()
        self._filled = asyncio.Event()
        self._joined = asyncio.Event()
        self._lock = threading.Lock()
        self._progress: dict[int, Progress] = {}
        self._dirty: set[int] = set()
        self._closing = threading.Event()
        self._orders: SimpleQueue[tuple[list[TopicPartition], Future[None]]] = SimpleQueue()
        self._noting: asyncio.Task[None] | None = None
        self._paused: bool | None = False
        self._failure = ""
        self._client = Consumer(
            link.client(
                **{
                    "group.id": group,
                    "enable.auto.commit": False,
                    "enable.auto.offset.store": False,
                    "auto.offset.reset": "earliest",
                    "partition.assignment.strategy": "cooperative-sticky",
                    "session.timeout.ms": SESSION_MILLISECONDS,
                    "heartbeat.interval.ms": SESSION_MILLISECONDS // 4,
                    "queued.max.messages.kbytes": SHELF_BYTES // 1024,
                    "fetch.wait.max.ms": FETCH_MILLISECONDS,
                }
            )
        )
        self._thread = threading.Thread(target=self._run, name=f"ovpo-kafka-{group}", daemon=True)

    async def join(self) -> None:
        """Enter the group; returns with the first share of its partitions."""
        self._client.subscribe(
            [self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )
        self._thread.start()
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                await self._joined.wait()
        except TimeoutError:
            await self.close()
            raise BrokerUnavailableError(f"Kafka: no share in {self._topic} within {JOIN_SECONDS:g} s") from None

    async def close(self) -> None:
        """Leave the group."""
        self._closing.set()
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join)

    def attempt(self, raws: Sequence[Raw]) -> list[int]:
        """Count a delivery of each message; 0 for one whose partition is no longer ours."""
        with self._lock:
            self._dirty.update(raw.partition for raw in raws if raw.partition in self._progress)
            return [
                self._progress[raw.partition].attempt(raw.offset) if raw.partition in self._progress else 0
                for raw in raws
            ]

    def retract(self, raws: Sequence[Raw]) -> None:
        """Uncount a delivery that was not made after all."""
        with self._lock:
            for raw in raws:
                if raw.partition in self._progress:
                    self._progress[raw.partition].retract(raw.offset)

    def finish(self, raw: Raw) -> bool:
        """Note that a message is done; say whether its partition is ours."""
        raw.settled = True
        with self._lock:
            progress = self._progress.get(raw.partition)
            if progress is None:
                return False
            progress.finish(raw.offset)
            self._dirty.add(raw.partition)
            return True

    async def note(self, within: float) -> None:
        """Write down what was done so far; answers given together are written together."""
        if self._noting is None or self._noting.done():
            self._noting = asyncio.create_task(self._write(within))
        await asyncio.shield(self._noting)

    async def arrived(self, until: float) -> bool:
        """Wait until there is something on the shelf, or somebody calls; say whether it came in time."""
        try:
            async with asyncio.timeout_at(until):
                await self._filled.wait()
        except TimeoutError:
            return False
        if self._failure:
            raise BrokerUnavailableError(f"Kafka: the consumer of {self._topic} has ended: {self._failure}")
        self._filled.clear()
        return True

    def wake(self) -> None:
        """End the waiting of `arrived`."""
        self._filled.set()

    async def _write(self, within: float) -> None:
        """Commit what changed; while the group shares its partitions anew, again and again until it has done so."""
        until = self._loop.time() + within
        while True:
            self._noting = None
            with self._lock:
                offsets = self._marks(self._dirty)
                self._dirty.clear()
            if not offsets:
                return
            try:
                async with asyncio.timeout_at(until):
                    await self._order(offsets)
            except (RuntimeError, TimeoutError):
                self._still_to_write(offsets)
                raise BrokerUnavailableError(f"Kafka: the consumer of {self._topic} does not answer") from None
            except KafkaException as error:
                self._still_to_write(offsets)
                if self._loop.time() + RETRY_SECONDS >= until:
                    raise BrokerUnavailableError(f"Kafka: {self._topic}: {reason(error)}") from None
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    def _still_to_write(self, offsets: list[TopicPartition]) -> None:
        with self._lock:
            self._dirty.update(one.partition for one in offsets if one.partition in self._progress)

    def _order(self, offsets: list[TopicPartition]) -> "asyncio.Future[None]":
        """Have the thread commit; the future is what becomes of it."""
        done: Future[None] = Future()
        self._orders.put((offsets, done))
        if not self._thread.is_alive():
            self._carry_out()
        return asyncio.wrap_future(done)

    def _carry_out(self) -> None:
        """Commit what was ordered, in the order of the orders."""
        while not self._orders.empty():
            offsets, done = self._orders.get()
            if not done.set_running_or_notify_cancel():
                continue
            try:
                self._client.commit(offsets=offsets, asynchronous=False)
            except (KafkaException, RuntimeError) as error:
                done.set_exception(error)
            else:
                done.set_result(None)

    def _marks(self, partitions: set[int]) -> list[TopicPartition]:
        """Say what is to be committed; the lock is held."""
        marks = []
        for partition in partitions:
            progress = self._progress.get(partition)
            if progress is not None and progress.floor is not None:
                marks.append(TopicPartition(self._topic, partition, progress.floor, progress.text()))
        return marks

    def _run(self) -> None:
        """Ask Kafka until the end, in a thread of our own."""
        try:
            self._poll()
        except (KafkaException, RuntimeError) as error:
            self._failure = str(error)
            _log.error("consumer_ended", topic=self._topic, error=self._failure)
        finally:
            self._client.close()
        if self._failure:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._filled.set)

    def _poll(self) -> None:
        while not self._closing.is_set():
            held = sum(len(raw.payload) for raw in tuple(self.shelf))
            room, shares = SHELF_BYTES - held, 2 if self._paused else 1
            self._pause(held * shares >= SHELF_BYTES or len(self.shelf) * shares >= SHELF_MESSAGES)
            message = self._client.poll(POLL_SECONDS)
            while message is not None:
                room -= self._put(message)
                message = self._client.poll(0) if room > 0 and len(self.shelf) < SHELF_MESSAGES else None
            if self.shelf:
                self._loop.call_soon_threadsafe(self._filled.set)
            self._carry_out()

    def _pause(self, full: bool) -> None:
        """Stop all partitions when the shelf is full, and let them go on when half of it is free."""
        if full != self._paused:
            (self._client.pause if full else self._client.resume)(self._client.assignment())
            self._paused = full

    def _put(self, message: Message) -> int:
        """Put a message on the shelf, unless it is done or not ours; say how many bytes came."""
        error, partition, offset = message.error(), message.partition(), message.offset()
        if error is not None or partition is None or offset is None:
            _log.warning("broker_error", error=error.str() if error is not None else "a message without a place")
            return 0
        with self._lock:
            progress = self._progress.get(partition)
            if progress is None or not progress.take(offset):
                return 0
        payload = payload_in(message.value())
        self.shelf.append(Raw(partition, offset, headers_in(message.headers()), payload, message.timestamp()[1]))
        return len(payload)

    def _on_assign(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        """Take partitions over, with what their former consumers noted."""
        self._paused = None
        try:
            noted = client.committed(partitions, ASK_SECONDS) if partitions else []
        except KafkaException as error:
            _log.warning("progress_not_read", topic=self._topic, error=reason(error))
            noted = [TopicPartition(self._topic, one.partition) for one in partitions]
        for one in noted:
            committed = one.offset if one.offset >= 0 else None
            with self._lock:
                self._progress[one.partition] = Progress(committed, one.metadata or "")
            if committed is not None:
                self._warn_of_gap(client, one.partition, committed)
        self._loop.call_soon_threadsafe(self._joined.set)

    def _warn_of_gap(self, client: Consumer, partition: int, committed: int) -> None:
        """Say when messages went by age before anybody finished them."""
        try:
            low, _ = client.get_watermark_offsets(TopicPartition(self._topic, partition), ASK_SECONDS)
        except KafkaException as error:
            _log.warning("watermark_not_read", topic=self._topic, error=reason(error))
            return
        if low > committed:
            _log.error("messages_expired_unread", topic=self._topic, partition=partition, messages=low - committed)

    def _on_revoke(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        """Write down what was done, then let the partitions go."""
        numbers = {one.partition for one in partitions}
        with self._lock:
            marks = self._marks(numbers)
        try:
            if marks:
                client.commit(offsets=marks, asynchronous=False)
        except KafkaException as error:
            _log.warning("progress_not_noted", topic=self._topic, error=reason(error))
        self._drop(numbers)

    def _on_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._drop({one.partition for one in partitions})

    def _drop(self, partitions: set[int]) -> None:
        """Forget partitions that another consumer has now."""
        with self._lock:
            for partition in partitions:
                self._progress.pop(partition, None)
            self._dirty -= partitions
        for raw in tuple(self.shelf):
            raw.settled = raw.settled or raw.partition in partitions
