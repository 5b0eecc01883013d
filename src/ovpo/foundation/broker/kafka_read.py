# SPDX-License-Identifier: Apache-2.0
"""Reading a topic again, from a place to its present end, without a group, so that no consumer is touched."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from itertools import islice
from typing import Final

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from ovpo.foundation.broker.errors import BrokerUnavailableError
from ovpo.foundation.broker.kafka_link import ASK_SECONDS, PARTITION_EOF, Link, reason
from ovpo.foundation.broker.kafka_wire import headers_in, milliseconds_of, payload_in, place_of, stored_of, topic_of
from ovpo.foundation.broker.message import MAX_PAYLOAD_BYTES, FromSequence, FromTime, Queue, Stored

READ_SECONDS: Final = 10.0
READ_BATCH: Final = 256
READ_AHEAD: Final = 500


async def read(link: Link, queue: Queue, start: FromSequence | FromTime) -> AsyncIterator[Stored]:
    """Give every message from `start` to the present end, the oldest first.

    A sequence is a place in one partition: the others begin at the moment of the message that lies there.
    """
    async for raw in passage(link, topic_of(queue), start):
        place = (_number(raw.partition()), _number(raw.offset()))
        yield stored_of(headers_in(raw.headers()), payload_in(raw.value()), place, raw.timestamp()[1])


async def passage(link: Link, topic: str, start: FromSequence | FromTime) -> AsyncGenerator[Message, None]:
    """Walk through a topic with a client of our own."""
    own = {"group.id": "ovpo.read", "enable.auto.commit": False, "enable.partition.eof": True}
    client = Consumer(link.client(**own, **{"queued.max.messages.kbytes": MAX_PAYLOAD_BYTES // 1024}))
    try:
        spans = await asyncio.to_thread(_spans, client, topic, start)
        messages = _merged(client, topic, spans)
        while batch := await asyncio.to_thread(lambda: list(islice(messages, READ_BATCH))):
            for raw in batch:
                yield raw
    except KafkaException as error:
        raise BrokerUnavailableError(f"Kafka: {topic}: {reason(error)}") from None
    finally:
        await asyncio.to_thread(client.close)


def _spans(client: Consumer, topic: str, start: FromSequence | FromTime) -> dict[int, tuple[int, int]]:
    """Find for each partition where to begin and where it ends."""
    described = client.list_topics(topic, timeout=ASK_SECONDS).topics[topic]
    if described.error is not None:
        raise KafkaException(described.error)
    marks = {p: client.get_watermark_offsets(TopicPartition(topic, p), ASK_SECONDS) for p in described.partitions}
    if isinstance(start, FromTime):
        return begins_at(client, topic, marks, milliseconds_of(start.moment))
    place = place_of(start.sequence)
    if place is None or place[0] not in marks:
        return marks
    partition, offset = place
    low, high = marks[partition]
    if low == high:
        return marks
    anchor = next(_merged(client, topic, {partition: (min(max(offset, low), high - 1), high)}))
    others = {number: span for number, span in marks.items() if number != partition}
    return {**begins_at(client, topic, others, anchor.timestamp()[1]), partition: (max(offset, low), high)}


def begins_at(
    client: Consumer, topic: str, marks: Mapping[int, tuple[int, int]], milliseconds: int
) -> dict[int, tuple[int, int]]:
    """Find for each partition the first message that is not before a moment; its end, where there is none."""
    asked = [TopicPartition(topic, partition, max(milliseconds, 0)) for partition in marks]
    found = client.offsets_for_times(asked, ASK_SECONDS) if asked else []
    begins = {one.partition: one.offset for one in found}
    return {
        partition: (begins[partition] if begins[partition] >= 0 else high, high)
        for partition, (_, high) in marks.items()
    }


def _merged(client: Consumer, topic: str, spans: Mapping[int, tuple[int, int]]) -> Iterator[Message]:
    """Give the messages of all partitions in the order of their times, with few of them in memory."""
    heads: dict[int, deque[Message]] = {p: deque() for p, (begin, end) in spans.items() if begin < end}
    ended: set[int] = set()
    paused: set[int] = set()
    client.assign([TopicPartition(topic, partition, spans[partition][0]) for partition in heads])
    while heads:
        waited_for = [partition for partition, head in heads.items() if not head]
        if waited_for:
            _listen(client, heads, ended, spans)
            full = {p for p, head in heads.items() if len(head) >= READ_AHEAD or _size(head) > MAX_PAYLOAD_BYTES}
            client.pause([TopicPartition(topic, partition) for partition in full - paused])
            paused |= full
        else:
            oldest = min(heads, key=lambda partition: (heads[partition][0].timestamp()[1], partition))
            raw = heads[oldest].popleft()
            if _number(raw.offset()) + 1 >= spans[oldest][1]:
                del heads[oldest]
            elif not heads[oldest] and oldest in paused:
                client.resume([TopicPartition(topic, oldest)])
                paused.discard(oldest)
            yield raw
        for partition in [one for one in ended if one in heads and not heads[one]]:
            del heads[partition]


def _listen(
    client: Consumer, heads: dict[int, deque[Message]], ended: set[int], spans: Mapping[int, tuple[int, int]]
) -> None:
    raw = client.poll(READ_SECONDS)
    if raw is None:
        raise BrokerUnavailableError("Kafka: the reading broke off; read on from the last message")
    partition, error = _number(raw.partition()), raw.error()
    if error is not None and error.code() == PARTITION_EOF:
        ended.add(partition)
    elif error is not None:
        raise KafkaException(error)
    elif partition in heads and _number(raw.offset()) < spans[partition][1]:
        heads[partition].append(raw)


def _size(head: deque[Message]) -> int:
    return sum(len(raw.value() or b"") for raw in head)


def _number(value: int | None) -> int:
    if value is None:
        raise BrokerUnavailableError("Kafka: a message without a place")
    return value
