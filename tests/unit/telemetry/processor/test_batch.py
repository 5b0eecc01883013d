# SPDX-License-Identifier: Apache-2.0
"""What becomes of each message of a fetch, whatever the stores say: no server is needed to know that."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from ovpo.foundation.broker.message import Message, Stored
from ovpo.foundation.clickhouse.connect import ClickHouseUnavailableError
from ovpo.telemetry.processor import batch
from ovpo.telemetry.processor.batch import Batches
from ovpo.telemetry.processor.faults import Backend, ItemRefusedError
from ovpo.telemetry.processor.metrics import ProcessorMetrics
from ovpo.telemetry.processor.reading import Portion
from tests.integration.collector.batches import new_id, span
from tests.unit.telemetry.processor.records import NOON, message


@dataclass
class Letter:
    """A delivery that remembers its answers."""

    stored: Stored
    attempt: int = 1
    answers: list[tuple[str, Any]] = field(default_factory=list)

    async def ack(self) -> None:
        self.answers.append(("ack", None))

    async def nak(self, delay: float, reason: str) -> None:
        self.answers.append(("nak", delay))

    async def term(self, reason: str) -> None:
        self.answers.append(("term", reason))


@dataclass
class Memory:
    """Stores in memory that take what they are told to take."""

    judge: Callable[[set[str]], None] = lambda _: None
    names: list[str] = field(default_factory=list)
    writes: int = 0

    def write(self, portion: Portion) -> None:
        names = {one.span.name for one in portion.spans}
        self.writes += 1
        self.judge(names)
        self.names.extend(sorted(names))


def letter(name: str, attempt: int = 1, payload: bytes | None = None) -> Letter:
    carried = message(span(name=name)) if payload is None else payload
    return Letter(Stored(Message(new_id(), "demo", new_id(), carried), 1, NOON), attempt)


def settle(memory: Memory, *letters: Letter, stopping: bool = False) -> ProcessorMetrics:
    metrics = ProcessorMetrics.on(CollectorRegistry())

    async def run() -> None:
        stop = asyncio.Event()
        if stopping:
            stop.set()
        await Batches(memory, metrics, stop).settle(letters)  # type: ignore[arg-type]

    asyncio.run(run())
    return metrics


def refuse(*poison: str) -> Callable[[set[str]], None]:
    def judge(names: set[str]) -> None:
        if names & set(poison):
            raise ItemRefusedError(Backend.POSTGRES, "23514 CheckViolation spans")

    return judge


def fail(*poison: str) -> Callable[[set[str]], None]:
    def judge(names: set[str]) -> None:
        if names & set(poison):
            raise KeyError("a fault of ours")

    return judge


def value(counter: Any) -> float:
    return float(counter._value.get())


def test_messages_are_written_together_and_acknowledged() -> None:
    memory, letters = Memory(), [letter(f"s{number}") for number in range(8)]
    settle(memory, *letters)
    assert memory.writes == 1
    assert [one.answers for one in letters] == [[("ack", None)]] * 8


@pytest.mark.parametrize("place", range(8))
def test_one_that_a_store_refuses_is_found_by_halves_and_holds_nothing_up(place: int) -> None:
    memory, letters = Memory(refuse(f"s{place}")), [letter(f"s{number}") for number in range(8)]
    metrics = settle(memory, *letters)
    assert memory.names == [f"s{number}" for number in range(8) if number != place]
    for number, one in enumerate(letters):
        assert (
            one.answers == [("term", "PostgreSQL refuses an item: 23514 CheckViolation spans")]
            if (number == place)
            else [("ack", None)]
        )
    assert memory.writes == 7
    assert value(metrics.dead) == 1


def test_all_may_be_refused() -> None:
    letters = [letter(f"s{number}") for number in range(5)]
    metrics = settle(Memory(refuse("s0", "s1", "s2", "s3", "s4")), *letters)
    assert [one.answers[0][0] for one in letters] == ["term"] * 5
    assert value(metrics.dead) == 5


def test_a_fault_of_ours_puts_one_message_off_and_the_others_are_written() -> None:
    memory, letters = Memory(fail("s2")), [letter(f"s{number}", attempt=3) for number in range(4)]
    metrics = settle(memory, *letters)
    assert memory.names == ["s0", "s1", "s3"]
    assert [one.answers for one in letters] == [[("ack", None)], [("ack", None)], [("nak", 8.0)], [("ack", None)]]
    assert (value(metrics.dead), value(metrics.faults), value(metrics.redelivered)) == (0, 1, 4)


def test_a_message_is_put_off_for_a_bounded_time() -> None:
    one = letter("s0", attempt=99)
    settle(Memory(fail("s0")), one)
    assert one.answers == [("nak", batch.LONGEST_PUT_OFF_SECONDS)]


@pytest.mark.parametrize("payload", [b"\xff", message(span(), content_hash="0" * 64)])
def test_what_cannot_be_read_is_a_dead_letter_before_anything_is_written(payload: bytes) -> None:
    memory, foreign, good = Memory(), letter("", payload=payload), letter("s1")
    settle(memory, foreign, good)
    assert (memory.names, memory.writes) == (["s1"], 1)
    [(answer, reason)] = foreign.answers
    assert (answer, reason.startswith("unreadable: ")) == ("term", True)


def test_a_store_that_is_away_is_waited_for_and_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "FIRST_WAIT_SECONDS", 0.001)
    away = iter([True, True, False])

    def judge(_: set[str]) -> None:
        if next(away):
            raise ClickHouseUnavailableError("ClickHouse does not answer")

    memory, letters = Memory(judge), [letter("s0"), letter("s1")]
    settle(memory, *letters)
    assert (memory.names, memory.writes) == (["s0", "s1"], 3)
    assert [one.answers for one in letters] == [[("ack", None)]] * 2


def test_a_processor_that_stops_gives_back_what_it_could_not_write() -> None:
    def judge(_: set[str]) -> None:
        raise ClickHouseUnavailableError("ClickHouse does not answer")

    letters = [letter("s0"), letter("s1")]
    settle(Memory(judge), *letters, stopping=True)
    assert [one.answers for one in letters] == [[("nak", 0.0)]] * 2
