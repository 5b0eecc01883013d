# SPDX-License-Identifier: Apache-2.0
"""While a server is away nothing is given up and nothing piles up in memory; after it came back the lag goes."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import psutil
import psycopg
import pytest
from pydantic import SecretStr

from ovpo.foundation.settings import tree
from ovpo.foundation.settings.load import load
from ovpo.foundation.settings.tree import Settings
from ovpo.foundation.stack import control
from ovpo.foundation.stack.state import Phase
from tests.conftest import environment, free_ports, scratch, stack_environment
from tests.integration.collector import conftest as collecting
from tests.integration.collector.batches import event, new_id, trace
from tests.integration.collector.conftest import SECRET, Program, until
from tests.integration.processor import conftest as processing
from tests.integration.processor.conftest import Kept, Processor, Start, queue_up, settled
from tests.integration.processor.test_poison import letters

start = processing.start
kept = processing.kept
nats_server = collecting.nats_server
valkey_server = collecting.valkey_server
MEGABYTE = 1024 * 1024


def unsettled_queue(processor: Processor) -> float:
    """Tell how many messages wait; the processor asks every few seconds."""
    return processor.metric("ovpo_processor_queue_depth")


def memory(processor: Processor) -> int:
    assert processor.running is not None
    return int(psutil.Process(processor.running.pid).memory_info().rss)


def fill(broker: tree.Broker, count: int) -> list[str]:
    """Queue traces with large frame events, each in messages of its own."""
    traces = [new_id() for _ in range(count)]
    padding = {f"own.{number}": 0.123456789 for number in range(40)}
    for one in traces:
        frames = [event(one, index) | {"quality_metrics": padding} for index in range(400)]
        queue_up(broker, trace(one), *frames)
    return traces


@dataclass
class Part:
    """A server of the stack by its processes."""

    pids: list[int]

    def signal(self, number: signal.Signals) -> None:
        for pid in self.pids:
            os.kill(pid, number)


def listening(port: int) -> Part:
    """Find the server that listens on a port, and what it started."""
    listeners = [one for one in psutil.net_connections("tcp") if one.status == "LISTEN"]
    [pid] = {one.pid for one in listeners if tuple(one.laddr)[1:] == (port,)}
    server = psutil.Process(pid)
    return Part([server.pid, *(child.pid for child in server.children(recursive=True))])


@pytest.mark.parametrize("store", ["postgres", "clickhouse"])
def test_a_store_that_hangs_delays_and_loses_nothing(
    start: Start, nats_server: Program, settings: Settings, kept: Kept, store: str
) -> None:
    nats_server.start()
    broker = tree.Broker(port=nats_server.port, password=SecretStr(SECRET))
    processor = start(OVPO_BROKER__PORT=nats_server.port, OVPO_BROKER__PASSWORD=SECRET)
    processor.start()
    [first] = fill(broker, 1)
    settled(kept, first)
    before = memory(processor)
    part = listening(settings.postgres.port if store == "postgres" else settings.clickhouse.port)
    part.signal(signal.SIGSTOP)
    try:
        traces = fill(broker, 20)
        until(lambda: unsettled_queue(processor) or None, "a queue that grows")
        assert memory(processor) - before < 150 * MEGABYTE
    finally:
        part.signal(signal.SIGCONT)
    for one in traces:
        assert settled(kept, one, lambda found: bool(found["frame_events"] == 400))
    assert letters(broker) == {}
    until(lambda: unsettled_queue(processor) == 0 or None, "an empty queue")
    processor.kill()


@pytest.fixture
def own_stack() -> Iterator[Settings]:
    """PostgreSQL and ClickHouse of the test's own, which it may stop and start."""
    with scratch() as folder, environment(stack_environment(folder / "home")):
        begin(load())
        own = load()  # with the passwords that the first start made
        yield own
        list(control.stop(own))


def begin(own: Settings) -> None:
    started = control.start(own, ("postgres-tables", "clickhouse-tables"), fresh=False, attached=False)
    assert any(state.phase is Phase.READY for state in control.follow(started))


def test_stores_that_are_gone_and_come_back_have_everything(
    start: Start, nats_server: Program, own_stack: Settings
) -> None:
    nats_server.start()
    broker = tree.Broker(port=nats_server.port, password=SecretStr(SECRET))
    processor = start(
        OVPO_HOME=own_stack.home,
        OVPO_POSTGRES__PORT=own_stack.postgres.port,
        OVPO_CLICKHOUSE__PORT=own_stack.clickhouse.port,
        OVPO_BROKER__PORT=nats_server.port,
        OVPO_BROKER__PASSWORD=SECRET,
    )
    processor.start()
    kept = Kept(own_stack)
    [first] = fill(broker, 1)
    settled(kept, first)
    list(control.stop(own_stack))
    with pytest.raises(psycopg.OperationalError):
        kept.trace(first)
    traces = fill(broker, 4)
    until(lambda: "store_away" in processor.log.read_text() or None, "a word about it")
    assert httpx.get(f"{processor.url}/readyz").status_code == 503
    assert httpx.get(f"{processor.url}/healthz").status_code == 200
    begin(own_stack)
    for one in traces:
        assert settled(kept, one, lambda found: bool(found["frame_events"] == 400))
    assert letters(broker) == {}
    assert kept.summary(first) is not None
    processor.kill()


def test_a_broker_that_is_killed_and_comes_back_is_consumed_again(
    start: Start, nats_server: Program, kept: Kept
) -> None:
    nats_server.start()
    broker = tree.Broker(port=nats_server.port, password=SecretStr(SECRET))
    processor = start(OVPO_BROKER__PORT=nats_server.port, OVPO_BROKER__PASSWORD=SECRET)
    processor.start()
    [first] = fill(broker, 1)
    settled(kept, first)
    nats_server.kill()
    until(lambda: httpx.get(f"{processor.url}/readyz").status_code == 503 or None, "no readiness")
    nats_server.start()
    for one in fill(broker, 2):
        assert settled(kept, one, lambda found: bool(found["frame_events"] == 400))
    until(lambda: httpx.get(f"{processor.url}/readyz").status_code == 200 or None, "readiness")
    assert letters(broker) == {}
    processor.kill()


def test_a_processor_may_start_before_its_broker(start: Start, nats_server: Program, kept: Kept) -> None:
    processor = start(OVPO_BROKER__PORT=nats_server.port, OVPO_BROKER__PASSWORD=SECRET)
    super(Processor, processor).start()
    until(lambda: "broker_away" in processor.log.read_text() or None, "a word about it")
    nats_server.start()
    broker = tree.Broker(port=nats_server.port, password=SecretStr(SECRET))
    [one] = fill(broker, 1)
    settled(kept, one)
    processor.kill()


def test_without_valkey_a_processor_goes_on(
    start: Start, nats_server: Program, valkey_server: Program, kept: Kept
) -> None:
    """Valkey is never started here."""
    nats_server.start()
    processor = start(
        OVPO_BROKER__PORT=nats_server.port,
        OVPO_BROKER__PASSWORD=SECRET,
        OVPO_CACHE__PORT=valkey_server.port,
        OVPO_CACHE__PASSWORD=SECRET,
    )
    processor.start()
    [one] = fill(tree.Broker(port=nats_server.port, password=SecretStr(SECRET)), 1)
    settled(kept, one)
    processor.kill()


def test_a_processor_that_is_told_to_stop_gives_back_what_it_holds(
    start: Start, nats_server: Program, settings: Settings, kept: Kept
) -> None:
    """What is not given back would come again after a minute, which is longer than is waited for here."""
    nats_server.start()
    at = {"OVPO_BROKER__PORT": nats_server.port, "OVPO_BROKER__PASSWORD": SECRET}
    broker = tree.Broker(port=nats_server.port, password=SecretStr(SECRET))
    [nobody] = free_ports(1)
    first, second = start(**at, OVPO_CLICKHOUSE__PORT=nobody), start(**at)
    super(Processor, first).start()
    traces = fill(broker, 3)
    until(lambda: "store_away" in first.log.read_text() or None, "messages that it holds")
    first.signal(signal.SIGTERM)
    assert first.running is not None
    assert first.running.wait(20) == 0
    second.start()
    for one in traces:
        assert settled(kept, one, lambda found: bool(found["frame_events"] == 400))
    second.kill()
