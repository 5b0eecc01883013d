# SPDX-License-Identifier: Apache-2.0
"""The list of traces: what filters find, in which order, page by page, and for whom."""

import base64
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Event, Thread
from typing import Any

import orjson
import psycopg
import pytest

from ovpo.foundation.postgres.connect import admin_conninfo
from ovpo.telemetry.query.questions import OrderBy
from tests.integration.collector.batches import Item, event, new_id, span, trace
from tests.integration.query.conftest import NewTenant, Tenant

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
WRITERS = 50
INSERTS = 30


def made(index: int, **changes: Any) -> list[Item]:
    """Make a trace that differs from its neighbours in every column."""
    one, sampling = new_id(), new_id()
    begun = NOON + timedelta(minutes=index)
    return [
        trace(
            one,
            created_at=begun.isoformat(),
            started_at=(begun + timedelta(seconds=1)).isoformat(),
            completed_at=(begun + timedelta(seconds=2 + index)).isoformat(),
            **changes,
        ),
        span(
            one,
            span_id=sampling,
            status="OK",
            end_time=f"2026-11-21T12:00:{index % 60:02}Z",
            attributes={"model.name": f"model-{index % 3}"},
        ),
        *[event(one, frame) | {"span_id": sampling} for frame in range(index % 4)],
    ]


@pytest.fixture(scope="module")
def many(new_tenant: NewTenant) -> Tenant:
    """Give a tenant that has 23 traces."""
    tenant = new_tenant()
    tenant.send(*[item for index in range(23) for item in made(index)])
    return tenant


def walk(tenant: Tenant, question: str) -> list[str]:
    """Follow the cursors to the end."""
    ids: list[str] = []
    cursor = ""
    while True:
        page = tenant.found(f"/v1/traces?{question}{cursor}")
        ids += [one["trace_id"] for one in page["traces"]]
        assert page["has_more"] is (page["next_cursor"] is not None)
        if page["next_cursor"] is None:
            return ids
        cursor = f"&cursor={page['next_cursor']}"


def test_the_newest_come_first(many: Tenant) -> None:
    moments = [one["created_at"] for one in many.found("/v1/traces")["traces"]]
    assert len(moments) == 23
    assert moments == sorted(moments, reverse=True)


@pytest.mark.parametrize("order", list(OrderBy))
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_every_order_is_walked_page_by_page_without_loss_or_repeat(
    many: Tenant, order: OrderBy, direction: str
) -> None:
    question = f"order_by={order}&order_dir={direction}"
    whole = many.found(f"/v1/traces?{question}")["traces"]
    assert walk(many, f"{question}&limit=4") == [one["trace_id"] for one in whole]
    assert len({one["trace_id"] for one in whole}) == 23
    known = [one[order] for one in whole if one[order] is not None]
    assert known == sorted(known, reverse=direction == "desc")


def test_what_is_unknown_sorts_below_what_is_known(tenant: Tenant) -> None:
    started, waiting = new_id(), new_id()
    tenant.send(
        trace(started, status="GENERATING", started_at="2026-11-21T12:00:00Z"), trace(waiting, status="PENDING")
    )
    assert tenant.ids("order_by=started_at&order_dir=asc") == [waiting, started]
    assert walk(tenant, "order_by=started_at&limit=1") == [started, waiting]
    assert walk(tenant, "order_by=total_ms&order_dir=asc&limit=1") == walk(tenant, "order_by=total_ms&order_dir=asc")


def test_each_filter_finds_what_it_says_and_together_they_all_must_hold(tenant: Tenant) -> None:
    failed, partial, fine = new_id(), new_id(), new_id()
    tenant.send(
        trace(
            failed,
            status="FAILED",
            failure={"kind": "oom", "message": "no memory left", "retryable": True},
            created_at="2026-11-19T00:00:00Z",
            tags={"team": "studio", "shot": "7"},
            cost_attribution={"project": "winter"},
        ),
        span(failed, span_kind="SPAN_KIND_LOAD", attributes={"model.name": "wan"}),
        trace(partial, created_at="2026-11-20T00:00:00Z", tags={"team": "studio"}),
        span(partial, span_kind="SPAN_KIND_DECODE"),
        event(partial, 5),
        event(partial, 5),
        trace(fine, created_at="2026-11-21T00:00:00Z"),
    )
    assert tenant.ids("status=FAILED") == [failed]
    assert tenant.ids("status=PARTIAL,FAILED") == [partial, failed]
    assert tenant.ids("failure_kind=oom,crash") == [failed]
    assert tenant.ids("violations=%3E0") == [partial]
    assert tenant.ids("violations=0") == [fine, failed]
    assert tenant.ids("tags=team=studio") == [partial, failed]
    assert tenant.ids("tags=team=studio,shot=7") == [failed]
    assert tenant.ids("model=wan") == [failed]
    assert tenant.ids("project=winter") == [failed]
    assert tenant.ids("span_kind=DECODE") == [partial]
    assert tenant.ids("span_kind=SPAN_KIND_LOAD") == [failed]
    assert tenant.ids("span_kind=LOAD,DECODE") == []
    assert tenant.ids("start_date=2026-11-20") == [fine, partial]
    assert tenant.ids("end_date=2026-11-20T00:00:00Z") == [failed]
    assert tenant.ids("start_date=2026-11-19T01:00:00+01:00&end_date=2026-11-21") == [partial, failed]
    assert tenant.ids("status=FAILED&tags=team=studio&model=wan") == [failed]
    assert tenant.ids("status=FAILED&model=other") == []


def test_a_trace_of_which_no_record_came_is_not_listed(tenant: Tenant) -> None:
    tenant.send(span())
    assert tenant.ids() == []


def test_no_tenant_sees_anothers_traces(new_tenant: NewTenant) -> None:
    one, other = new_tenant(), new_tenant()
    theirs = trace()
    other.send(theirs)
    assert one.ids() == []
    assert one.get(f"/v1/traces/{theirs['trace_id']}").status_code == 404
    assert one.get(f"/v1/traces/{theirs['trace_id']}/frames").status_code == 404


def test_a_walk_visits_each_trace_of_its_beginning_once_while_fifty_writers_insert(new_tenant: NewTenant) -> None:
    tenant = new_tenant()
    tenant.send(*[trace(created_at=(NOON + timedelta(seconds=index)).isoformat()) for index in range(300)])
    there = set(tenant.ids("limit=1000"))
    assert len(there) == 300
    begun, done = Event(), [0] * WRITERS
    statement = """
        INSERT INTO traces (tenant_id, trace_id, seen_at, updated_at, reported_status, created_at)
        VALUES (%s, gen_random_uuid(), now(), now(), 'PENDING', %s)
    """
    address = admin_conninfo(tenant.settings.postgres, tenant.settings.postgres.database)

    def write(writer: int) -> None:
        with psycopg.connect(address, autocommit=True) as connection:
            for number in range(INSERTS):
                moment = NOON + timedelta(seconds=(number * 17 + writer * 7) % 400 - 50)
                connection.execute(statement, (tenant.name, moment))
                done[writer] += 1
                begun.set()

    writers = [Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in writers:
        thread.start()
    assert begun.wait(60)
    before = sum(done)
    walks = [walk(tenant, f"limit=7&order_dir={direction}") for direction in ("desc", "asc")]
    during = sum(done) - before
    for thread in writers:
        thread.join()
    assert during > 0
    for visited in walks:
        assert len(visited) == len(set(visited))
        assert there <= set(visited)


def test_a_cursor_of_another_list_tenant_or_day_is_refused_with_the_reason(new_tenant: NewTenant) -> None:
    one, other = new_tenant(), new_tenant()
    for tenant in (one, other):
        tenant.send(trace(), trace())
    cursor = one.found("/v1/traces?limit=1")["next_cursor"]
    text = orjson.loads(base64.urlsafe_b64decode(cursor + "=="))
    assert {"last_timestamp", "last_id"} <= set(text)

    def refusal(tenant: Tenant, question: str) -> str:
        answer = tenant.get(f"/v1/traces?{question}")
        assert answer.status_code == 400
        assert answer.json()["error"]["details"] == {"field": "cursor"}
        return str(answer.json()["error"]["message"])

    def spelled(**changes: object) -> str:
        return base64.urlsafe_b64encode(orjson.dumps(text | changes)).decode().rstrip("=")

    assert "another tenant" in refusal(other, f"cursor={cursor}")
    assert "other filters" in refusal(one, f"cursor={cursor}&status=FAILED")
    assert "other filters" in refusal(one, f"cursor={cursor}&order_dir=asc")
    day_ago = (datetime.now(UTC) - timedelta(hours=25)).isoformat()
    assert "older than 24 hours" in refusal(one, f"cursor={spelled(issued_at=day_ago)}")
    for hostile in (
        "x",
        "%00",
        "e30",
        spelled(last_id="' OR 1=1 --"),
        spelled(last_value={"a": 1}),
        spelled(last_value="\0"),
        spelled(last_timestamp="never"),
        spelled(last_timestamp="0001-01-01T00:00:00+23:59"),
        spelled(more=1),
        base64.urlsafe_b64encode(b'{"last_value":' + b"[" * 1_400).decode().rstrip("="),
    ):
        answer = one.get(f"/v1/traces?cursor={hostile}")
        assert answer.status_code == 400, (hostile, answer.text)
    assert one.get(f"/v1/traces?limit=1&cursor={spelled()}").status_code == 200


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ("status=DONE", "query.status"),
        ("status=", "query.status"),
        ("tags=team", "query.tags"),
        ("tags=a=1,a=2", "query.tags"),
        ("violations=many", "query.violations"),
        ("span_kind=SLEEP", "query.span_kind"),
        ("failure_kind=bad", "query.failure_kind"),
        ("start_date=yesterday", "query.start_date"),
        ("start_date=2026-11-21T00:00:00", "query.start_date"),
        ("start_date=0001-01-01", "query.start_date"),
        ("start_date=2026-11-21&end_date=2026-11-20", "query"),
        ("limit=0", "query.limit"),
        ("limit=1001", "query.limit"),
        ("order_by=tenant_id", "query.order_by"),
        ("order_dir=up", "query.order_dir"),
        ("offset=3", "query.offset"),
        ("tenant_id=demo", "tenant_id"),
        ("limit=1&limit=2", "limit"),
        ("model=%00", "query"),
        ("model=%ff", "query"),
    ],
)
def test_a_wrong_parameter_is_named(many: Tenant, question: str, field: str) -> None:
    answer = many.get(f"/v1/traces?{question}")
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["field"] == field


def test_each_page_that_is_shown_is_on_the_audit_chain(tenant: Tenant) -> None:
    tenant.send(trace())
    tenant.ids("status=COMPLETED&limit=5")
    tenant.get("/v1/traces?status=NONSENSE")
    assert [(kind, where, what) for kind, where, what, _ in tenant.audited()][-1] == ("TRACE_QUERY", "traces", "list")
    queries = [metadata for kind, *_, metadata in tenant.audited() if kind == "TRACE_QUERY"]
    assert [(one["filters"], one["shown"]) for one in queries] == [(["status"], 1)]


def test_a_page_that_did_not_change_is_not_sent_again(tenant: Tenant) -> None:
    tenant.send(trace())
    tag = tenant.get("/v1/traces").headers["etag"]
    same = tenant.get("/v1/traces", **{"If-None-Match": tag})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    tenant.send(trace())
    assert tenant.get("/v1/traces", **{"If-None-Match": tag}).status_code == 200


def test_cursors_get_ever_deeper_into_the_list(many: Tenant) -> None:
    ids = walk(many, "limit=1")
    assert len(ids) == 23
    assert all(one != next_one for one, next_one in pairwise(ids))
