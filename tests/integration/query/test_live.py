# SPDX-License-Identifier: Apache-2.0
"""Following the traces of a tenant as they change: over a real socket, from the log that a processor writes."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from prometheus_client import CollectorRegistry, Counter

from ovpo.foundation.cache import Cache
from ovpo.foundation.http.stopping import Stopping
from ovpo.foundation.settings.load import inherited_environment
from ovpo.foundation.settings.tree import Settings
from ovpo.foundation.shortcut import Shortcut
from ovpo.telemetry import live
from ovpo.telemetry.live import Change
from ovpo.telemetry.query import live_api
from tests.conftest import free_ports
from tests.integration.collector.batches import new_id
from tests.integration.collector.conftest import Program, until
from tests.integration.query.conftest import Tenant


@pytest.fixture(scope="module")
def service(generous: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Give the query API as a process over the stores of the session."""
    [port] = free_ports(1)
    given = {
        "OVPO_HOME": generous.home,
        "OVPO_POSTGRES__PORT": generous.postgres.port,
        "OVPO_CLICKHOUSE__PORT": generous.clickhouse.port,
        "OVPO_BROKER__PORT": generous.broker.port,
        "OVPO_CACHE__PORT": generous.cache.port,
        "OVPO_QUERY__PORT": port,
        "OVPO_QUERY__TIERS": generous.query.tiers,
    }
    others = {name: value for name, value in inherited_environment().items() if not name.startswith("OVPO_")}
    log: Path = tmp_path_factory.mktemp("query") / "query.log"
    environment = others | {name: str(value) for name, value in given.items()}
    program = Program([sys.executable, "-m", "ovpo.cli.main", "serve", "query"], port, log, environment)
    program.start()
    until(lambda: _alive(port), "an answer of the query API")
    yield program
    program.kill()


def _alive(port: int) -> bool | None:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200 or None
    except httpx.TransportError:
        return None


def tell(settings: Settings, tenant: str, *trace_ids: str) -> None:
    """Tell of traces as a processor does."""

    async def write() -> None:
        cache = Cache(settings.cache)
        missing = Counter("missing", "Not answered", ["question"], registry=CollectorRegistry())
        moment = datetime.now(UTC)
        changes = [(tenant, Change(one, "COMPLETED", "wan", moment, 1.0, 1, 2, 0, 3.0, moment)) for one in trace_ids]
        await live.tell(Shortcut(cache, missing), changes)
        await cache.close()

    asyncio.run(write())


class Stream:
    """The events of an open stream, one after another."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.iter_lines()

    def next(self) -> dict[str, str]:
        """Wait for the next event, past comments and settings of the stream."""
        event: dict[str, str] = {}
        for line in self._lines:
            if not line and "event" in event:
                return event
            if line and not line.startswith((":", "retry")):
                name, _, value = line.partition(": ")
                event[name] = value
        raise AssertionError("the stream ended")

    def rest(self) -> list[str]:
        """Wait for the end of the stream."""
        return [line for line in self._lines if line]


@contextmanager
def following(service: Program, tenant: Tenant, after: str | None = None) -> Iterator[Stream]:
    """Follow a tenant's traces."""
    headers = tenant.headers | ({"Last-Event-ID": after} if after else {})
    url = f"http://127.0.0.1:{service.port}/v1/live/traces"
    with httpx.Client(timeout=30) as client, client.stream("GET", url, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Stream(answer)


def traces(*events: dict[str, str]) -> list[Any]:
    return [orjson.loads(event["data"])["trace_id"] for event in events]


def test_a_change_reaches_who_follows(service: Program, tenant: Tenant, generous: Settings) -> None:
    one, two = new_id(), new_id()
    tell(generous, tenant.name, new_id())
    with following(service, tenant) as stream:
        tell(generous, tenant.name, one, two)
        assert traces(stream.next(), stream.next()) == [one, two]


def test_each_look_that_follows_is_on_the_audit_chain(service: Program, tenant: Tenant) -> None:
    with following(service, tenant):
        assert ("TRACE_QUERY", "traces", "live") in [line[:3] for line in tenant.audited()]


def test_what_changes_while_the_answer_is_on_its_way_is_in_it(tenant: Tenant, generous: Settings) -> None:
    tell(generous, tenant.name, new_id())
    one = new_id()

    async def follow() -> str:
        cache, stopping = Cache(generous.cache), Stopping()
        lines = live_api.changes(cache, tenant.name, None, await cache.ends(live.log_of(tenant.name)), stopping)
        await asyncio.to_thread(tell, generous, tenant.name, one)
        said = [await anext(lines) for _ in range(2)]
        await cache.close()
        return said[-1]

    assert one in asyncio.run(follow())


def test_a_cut_stream_goes_on_where_it_was(service: Program, tenant: Tenant, generous: Settings) -> None:
    ids = [new_id() for _ in range(3)]
    tell(generous, tenant.name, ids[0])
    with following(service, tenant, after="1-0") as stream:
        assert stream.next()["event"] == "reload"
        tell(generous, tenant.name, ids[1])
        last = stream.next()["id"]
    tell(generous, tenant.name, ids[2])
    with following(service, tenant, after=last) as stream:
        assert traces(stream.next()) == [ids[2]]


def test_who_is_left_behind_by_the_log_is_told_to_read_the_list_again(
    service: Program, tenant: Tenant, generous: Settings
) -> None:
    tell(generous, tenant.name, new_id())
    with following(service, tenant) as stream:
        tell(generous, tenant.name, new_id())
        last = stream.next()["id"]
    tell(generous, tenant.name, *[new_id() for _ in range(live.MOST * 2)])
    with following(service, tenant, after=last) as stream:
        assert stream.next()["event"] == "reload"


def test_no_tenant_opens_more_streams_than_it_may(service: Program, tenant: Tenant) -> None:
    url = f"http://127.0.0.1:{service.port}/v1/live/traces"
    with ExitStack() as stack:
        for _ in range(live_api.MOST_A_TENANT):
            stack.enter_context(following(service, tenant))
        assert httpx.get(url, headers=tenant.headers).status_code == 429
    until(lambda: _opens(url, tenant) or None, "a place that was given back")


def _opens(url: str, tenant: Tenant) -> bool:
    with httpx.stream("GET", url, headers=tenant.headers) as answer:
        return answer.status_code == 200


def test_nobody_follows_another_tenant(service: Program, tenant: Tenant, generous: Settings, new_tenant: Any) -> None:
    other, own = new_tenant(), new_id()
    tell(generous, tenant.name, new_id())
    with following(service, tenant) as stream:
        tell(generous, other.name, new_id())
        tell(generous, tenant.name, own)
        assert traces(stream.next()) == [own]


@pytest.mark.parametrize("position", ["x", "1", "1-1-1", "99999999999999999999-0", "' OR 1"])
def test_a_position_that_is_none_is_refused(service: Program, tenant: Tenant, position: str) -> None:
    url = f"http://127.0.0.1:{service.port}/v1/live/traces"
    answer = httpx.get(url, headers=tenant.headers | {"Last-Event-ID": position})
    assert (answer.status_code, answer.json()["error"]["details"]) == (400, {"field": "last-event-id"})


def test_streams_end_when_the_service_stops_and_do_not_hold_it_up(
    service: Program, tenant: Tenant, generous: Settings
) -> None:
    tell(generous, tenant.name, new_id())
    with following(service, tenant, after="1-0") as stream:
        assert stream.next()["event"] == "reload"
        assert service.running is not None
        service.running.terminate()
        assert stream.rest() == []
        assert service.running.wait(30) == 0
    assert "http.cut_by_stop" not in service.log.read_text()
