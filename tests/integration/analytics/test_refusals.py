# SPDX-License-Identifier: Apache-2.0
"""What is no question is refused and names its field; what is answered is on the audit chain; what is away is said."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from ovpo.foundation.settings.tree import Settings
from tests.conftest import free_ports
from tests.integration.analytics.conftest import Sender, app
from tests.integration.collector.batches import new_id, trace

HOSTILE = [
    ("bottlenecks", {"start_date": "yesterday"}, "start_date"),
    ("bottlenecks", {"start_date": "2026-13-01"}, "start_date"),
    ("bottlenecks", {"start_date": "0001-01-01T00:00:00Z"}, "start_date"),
    ("bottlenecks", {"end_date": "9999-12-31T23:59:59Z"}, "end_date"),
    ("bottlenecks", {"end_date": "5000-01-01T00:00:00Z"}, "end_date"),
    ("bottlenecks", {"start_date": "2020-01-01T00:00:00Z"}, "start_date"),
    ("bottlenecks", {"start_date": "2026-11-02T00:00:00Z", "end_date": "2026-11-01T00:00:00Z"}, "start_date"),
    ("bottlenecks", {"tags": "'; DROP TABLE trace_facts --"}, "tags"),
    ("bottlenecks", {"tags": "a=b,,c=d"}, "tags"),
    ("bottlenecks", {"status": "COMPLETED' OR '1'='1"}, "status"),
    ("bottlenecks", {"group_by": "tenant_id"}, "group_by"),
    ("bottlenecks", {"group_by": "model) --"}, "group_by"),
    ("bottlenecks", {"model": ""}, "model"),
    ("bottlenecks", {"model": "x" * 257}, "model"),
    ("bottlenecks", {"project": "x" * 7_000}, "project"),
    ("bottlenecks", {"tenant": "other"}, "tenant"),
    ("quality", {}, "metric"),
    ("quality", {"metric": "prompt"}, "metric"),
    ("quality", {"metric": "motion_score'] OR 1"}, "metric"),
    ("quality", {"metric": "motion_score", "bucket": "minute"}, "bucket"),
    ("quality", {"metric": "motion_score", "bucket": "hour", "start_date": "2026-01-01T00:00:00Z"}, "start_date"),
    ("throughput", {"bucket": "whole"}, "bucket"),
    ("throughput", {"bucket": "hour", "start_date": "2026-01-01T00:00:00Z"}, "start_date"),
    ("throughput", {"status": "FAILED"}, "status"),
]
BODIES: list[tuple[Any, str]] = [
    ({}, "trace_ids"),
    ([], "body"),
    ({"trace_ids": []}, "trace_ids"),
    ({"trace_ids": "x"}, "trace_ids"),
    ({"trace_ids": ["x"]}, "trace_ids"),
    ({"trace_ids": [None]}, "trace_ids"),
    ({"trace_ids": ["5D8F4C3E-2B1A-4F6E-9C7D-8A9B0C1D2E3F"]}, "trace_ids"),
    ({"trace_ids": ["5d8f4c3e-2b1a-1f6e-9c7d-8a9b0c1d2e3f"]}, "trace_ids"),
    ({"trace_ids": ["5d8f4c3e-2b1a-4f6e-9c7d-8a9b0c1d2e3f"] * 1001}, "trace_ids"),
    ({"trace_ids": ["5d8f4c3e-2b1a-4f6e-9c7d-8a9b0c1d2e3f"], "pricing_profile": ""}, "pricing_profile"),
    ({"trace_ids": ["5d8f4c3e-2b1a-4f6e-9c7d-8a9b0c1d2e3f"], "pricing_profile": "\0"}, "pricing_profile"),
    ({"trace_ids": ["5d8f4c3e-2b1a-4f6e-9c7d-8a9b0c1d2e3f"], "tenant_id": "other"}, "tenant_id"),
]


@pytest.mark.parametrize(("endpoint", "parameters", "field"), HOSTILE)
def test_a_question_that_is_none_is_refused_and_names_its_field(
    sender: Sender, endpoint: str, parameters: dict[str, str], field: str
) -> None:
    answer = sender.api.get(f"/v1/analytics/{endpoint}", params=parameters, headers={"X-Tenant": sender.tenant})
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["details"]["field"].removeprefix("query.") == field
    assert field in error["message"]
    assert sender.audited() == []


@pytest.mark.parametrize(("body", "field"), BODIES)
def test_a_body_that_is_none_is_refused_and_names_its_field(sender: Sender, body: Any, field: str) -> None:
    answer = sender.ask_costs(body)
    assert answer.status_code == 400, answer.text
    assert field in answer.json()["error"]["details"]["field"]


def test_text_that_looks_like_a_statement_is_a_name_that_nothing_has(sender: Sender) -> None:
    sender.send(trace(new_id(), sender.tenant, created_at=datetime.now(UTC).isoformat().replace("+00:00", "Z")))
    for text in ("' OR 1=1 --", "{tenant:String}", "%(tenants)s", "\\", "'", "a,b", "\n", "日本", "NULL"):
        assert sender.get("bottlenecks", model=text)["traces"] == 0
        assert sender.get("throughput", project=text)["traces"] == 0
        assert sender.get("quality", metric="motion_score", model=text)["values"] == 0


def test_every_answer_is_on_the_audit_chain_without_the_values_of_tags(sender: Sender) -> None:
    one = new_id()
    sender.get("bottlenecks", tags="person=lovelace", model="m-1")
    sender.get("quality", metric="motion_score")
    sender.get("throughput", bucket="day")
    sender.costs([one])
    records = sender.audited()
    assert [record["resource_id"] for record in records] == ["bottlenecks", "quality", "throughput", "costs/calculate"]
    assert {(record["event_type"], record["resource_type"]) for record in records} == {("TRACE_QUERY", "analytics")}
    assert {record["actor_id"] for record in records} == {"key:test0000"}
    filters = [record["metadata"]["filters"] for record in records]
    assert filters[0] == {"tags": ["person"], "model": "m-1"}
    assert filters[3] == {"trace_ids": [one], "pricing_profile": "default"}
    assert "lovelace" not in str(records)


def test_an_answer_that_cannot_be_recorded_is_not_sent(sender: Sender) -> None:
    headers = {"X-Tenant": sender.tenant}
    sender.sql("REVOKE EXECUTE ON FUNCTION lock_audit_head(text) FROM ovpo_query")
    try:
        refused = [
            sender.api.get("/v1/analytics/bottlenecks", headers=headers),
            sender.api.get("/v1/analytics/throughput", headers=headers),
            sender.api.get("/v1/analytics/quality?metric=motion_score", headers=headers),
            sender.ask_costs({"trace_ids": [new_id()]}),
        ]
    finally:
        sender.sql("GRANT EXECUTE ON FUNCTION lock_audit_head(text) TO ovpo_query")
    assert [(answer.status_code, set(answer.json())) for answer in refused] == [(500, {"error"})] * 4
    assert sender.audited() == []


def test_a_store_that_is_away_is_said(sender: Sender, settings: Settings) -> None:
    [nobody] = free_ports(1)
    away = settings.model_copy(update={"clickhouse": settings.clickhouse.model_copy(update={"port": nobody})})
    with ExitStack() as stack:
        client = stack.enter_context(TestClient(app(away, stack), raise_server_exceptions=False))
        headers = {"X-Tenant": sender.tenant}
        for endpoint in ("bottlenecks", "throughput", "quality?metric=motion_score"):
            answer = client.get(f"/v1/analytics/{endpoint}", headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
        body = {"trace_ids": [new_id()]}
        assert client.post("/v1/analytics/costs/calculate", json=body, headers=headers).status_code == 200


def test_a_window_of_400_days_is_answered(sender: Sender) -> None:
    end = datetime.now(UTC)
    given = {"start_date": (end - timedelta(days=400)).isoformat(), "end_date": end.isoformat()}
    assert sender.get("throughput", **given)["traces"] == 0
    assert sender.get("quality", metric="motion_score", **given)["values"] == 0
