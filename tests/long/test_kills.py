# SPDX-License-Identifier: Apache-2.0
"""Nothing that was acknowledged is lost or counted twice, whoever is killed: the processor 20 times, NATS 3 times."""

import json
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ovpo.foundation.auth import Role
from ovpo.foundation.settings.tree import Settings
from ovpo.telemetry.contract.records import ItemType
from tests.conftest import free_ports
from tests.integration.collector.conftest import SECRET, Collector, Program, bearer, new_tenant, until
from tests.integration.processor.conftest import Kept, Processor
from tests.long.sending import ITEMS_OF_A_BATCH, Clients, Counts, rounds

ITEMS = 200_000
PROCESSOR_KILLS, NATS_KILLS, COLLECTORS, CLIENTS = 20, 3, 2, 6
EARLY = 0.2
DRAIN_SECONDS = 300
SEED = 7


class Nats(Program):
    """A NATS server with a file store and a page about its consumers."""

    def __init__(self, folder: Path) -> None:
        port, self.page = free_ports(2)
        config = folder / "nats.conf"
        described = {
            "host": "127.0.0.1",
            "port": port,
            "http": f"127.0.0.1:{self.page}",
            "max_payload": 16 * 1024 * 1024,
            "jetstream": {"store_dir": str(folder / "jetstream"), "sync_interval": "always"},
            "authorization": {"user": "ovpo", "password": SECRET},
        }
        config.write_text(json.dumps(described))
        server = Path(sys.executable).parent / "nats-server"
        super().__init__([str(server), "-c", str(config)], port, folder / "nats.log")

    def waiting(self) -> int | None:
        """Count the messages of the queue that are not acknowledged; None where the server does not say."""
        try:
            found = httpx.get(f"http://127.0.0.1:{self.page}/jsz?consumers=1&config=1").json()
        except (httpx.TransportError, ValueError):
            return None
        consumers = [
            consumer
            for account in found.get("account_details", [])
            for stream in account["stream_detail"]
            for consumer in stream.get("consumer_detail", [])
            if consumer["name"] == "processor"
        ]
        return sum(int(consumer["num_pending"] + consumer["num_ack_pending"]) for consumer in consumers)


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[Nats]:
    server = Nats(tmp_path)
    server.start()
    yield server
    server.kill()


def environment(settings: Settings, nats: Nats, **more: object) -> dict[str, str]:
    given = {
        "OVPO_HOME": settings.home,
        "OVPO_POSTGRES__PORT": settings.postgres.port,
        "OVPO_CLICKHOUSE__PORT": settings.clickhouse.port,
        "OVPO_CACHE__PORT": settings.cache.port,
        "OVPO_BROKER__PORT": nats.port,
        "OVPO_BROKER__PASSWORD": SECRET,
        **more,
    }
    others = {name: value for name, value in os.environ.items() if not name.startswith("OVPO_")}
    return others | {name: str(value) for name, value in given.items()}


@pytest.fixture
def collectors(settings: Settings, nats: Nats, tmp_path: Path) -> Iterator[list[Collector]]:
    made = []
    for number, port in enumerate(free_ports(COLLECTORS)):
        command = [sys.executable, "-m", "ovpo.cli.main", "serve", "collector"]
        log = tmp_path / f"collector-{number}.log"
        given = environment(settings, nats, OVPO_COLLECTOR__PORT=port, OVPO_COLLECTOR__PUBLISH_TIMEOUT_SECONDS=2)
        made.append(Collector(command, port, log, given))
    for one in made:
        one.start()
    yield made
    for one in made:
        one.kill()


@pytest.fixture
def processor(settings: Settings, nats: Nats, tmp_path: Path) -> Iterator[Processor]:
    [port] = free_ports(1)
    command = [sys.executable, "-m", "ovpo.cli.main", "run", "processor"]
    given = environment(settings, nats, OVPO_PROCESSOR__PORT=port)
    one = Processor(command, port, tmp_path / "processor.log", given)
    yield one
    one.kill()


@pytest.mark.timeout(1800)
def test_what_is_acknowledged_is_stored_once_whoever_is_killed(
    settings: Settings, nats: Nats, collectors: list[Collector], processor: Processor
) -> None:
    numbers = random.Random(SEED)
    tenant = new_tenant(settings, "enterprise")
    batches = rounds(numbers, tenant, ITEMS)
    key = bearer(settings, tenant, Role.DEVELOPER)
    clients = Clients([one.url for one in collectors], key, batches, CLIENTS)
    try:
        killed = _kill_again_and_again(numbers, nats, processor, clients, len(batches))
        processor.start()
        counts = clients.finish()
    finally:
        clients.end()
    drained = _drain(nats, settings, tenant)
    _say(f"\nat each kill of the processor, messages waiting and items it had written: {killed}")
    _say(f"drained {drained:.1f} s after the last acknowledgement")
    _compare(Kept(settings), tenant, counts)


def _kill_again_and_again(
    numbers: random.Random, nats: Nats, processor: Processor, clients: Clients, batches: int
) -> list[tuple[int, int]]:
    """Kill while the load runs: a part of it is let go before each kill, and the last part after all of them.

    Give for each kill how many messages waited, and how many items the processor had written in its life.
    """
    part = batches // (PROCESSOR_KILLS + NATS_KILLS + 2)
    clients.let(part)
    with_nats = set(numbers.sample(range(2, PROCESSOR_KILLS), NATS_KILLS))
    killed = []
    for kill in range(PROCESSOR_KILLS):
        clients.let(part)
        if numbers.random() < EARLY:
            Program.start(processor)
        else:
            processor.start()
            until(lambda: _written(processor) or None, "something that the processor wrote")
        time.sleep(numbers.uniform(0, 0.7))
        if kill in with_nats:
            _kill_nats(nats, clients, part // 2)
        waiting = until(lambda: _some_waiting(nats, clients), "work for the processor")
        killed.append((waiting, _written(processor)))
        processor.kill()
    return killed


def _kill_nats(nats: Nats, clients: Clients, batches: int) -> None:
    """Leave it dead until a client was refused, and has the batch to send again."""
    before = clients.counts.refusals
    nats.kill()
    clients.let(batches)
    until(lambda: clients.counts.refusals > before or None, "a batch that is not acknowledged")
    nats.start()


def _written(processor: Processor) -> int:
    try:
        return int(sum(processor.metric(f'ovpo_processor_items_total{{type="{kind}"}}') for kind in ItemType))
    except httpx.TransportError:
        return 0


def _some_waiting(nats: Nats, clients: Clients) -> int | None:
    clients.let(1)
    return nats.waiting() or None


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _drain(nats: Nats, settings: Settings, tenant: str) -> float:
    begun = time.monotonic()
    kept = Kept(settings)
    while time.monotonic() - begun < DRAIN_SECONDS:
        [left] = kept.rows("SELECT count(*) AS traces FROM unsettled_traces WHERE tenant_id = %s", tenant)
        if nats.waiting() == 0 and not left["traces"]:
            return time.monotonic() - begun
        time.sleep(0.2)
    raise AssertionError(f"the queue still holds {nats.waiting()} messages, and {left['traces']} traces are unsettled")


def _compare(kept: Kept, tenant: str, counts: Counts) -> None:
    traces = [
        str(row["trace_id"])
        for row in kept.rows(
            "SELECT trace_id FROM traces WHERE tenant_id = %s AND reported_status = 'COMPLETED' AND findings = 0",
            tenant,
        )
    ]
    spans = [str(row["span_id"]) for row in kept.rows("SELECT span_id FROM spans WHERE tenant_id = %s", tenant)]
    asked = {"tenant": tenant}
    client = kept.clickhouse()

    def of_clickhouse(statement: str) -> Any:
        return client.query(statement, asked).result_rows

    statement = "SELECT toString(event_id) FROM frame_events FINAL WHERE tenant_id = {tenant:String}"
    events = [row[0] for row in of_clickhouse(statement)]
    [[raw]] = of_clickhouse("SELECT count() FROM frame_events WHERE tenant_id = {tenant:String}")
    stored = len(traces) + len(spans) + len(events)
    distinct = len(set(traces)) + len(set(spans)) + len(set(events))
    lost = len(counts.traces - set(traces)) + len(counts.spans - set(spans)) + len(counts.events - set(events))
    _say(
        f"sent {counts.tries} batches of {ITEMS_OF_A_BATCH} items ({counts.refusals} not acknowledged and sent again, "
        f"{counts.repeats} items sent again for no reason)\n"
        f"acknowledged {counts.items} distinct items in {counts.batches} batches\n"
        f"stored {stored} ({len(traces)} traces, {len(spans)} spans, {len(events)} frame events)\n"
        f"duplicates {stored - distinct} ({raw - len(events)} rows that frame_events has yet to merge)\n"
        f"lost {lost}"
    )
    assert lost == 0
    assert stored == distinct
    assert (set(traces), set(spans), set(events)) == (counts.traces, counts.spans, counts.events)
    [summed] = kept.rows(
        "SELECT sum(frame_events)::bigint AS events, sum(spans)::bigint AS spans, count(*) AS traces, "
        "sum(unknown_spans)::bigint AS unknown FROM trace_summaries WHERE tenant_id = %s",
        tenant,
    )
    numbers = (len(counts.traces), len(counts.spans), len(counts.events))
    assert (summed["traces"], summed["spans"], summed["events"], summed["unknown"]) == (*numbers, 0)
    [facts] = of_clickhouse(
        "SELECT count(), sum(spans), sum(frame_events), sum(findings) FROM trace_facts FINAL "
        "WHERE tenant_id = {tenant:String}"
    )
    assert tuple(facts) == (*numbers, 0)
    [[hours]] = of_clickhouse("SELECT sum(frame_events) FROM frame_hours FINAL WHERE tenant_id = {tenant:String}")
    assert hours == len(counts.events)
    assert kept.rows("SELECT 1 FROM refused_items WHERE tenant_id = %s", tenant) == []


def test_the_load_is_as_large_as_it_says() -> None:
    made = rounds(random.Random(SEED), "demo", 1000)
    assert [len(one) for one in made] == [ITEMS_OF_A_BATCH] * (1000 // ITEMS_OF_A_BATCH)
    assert not made[0].events & made[1].events
