# SPDX-License-Identifier: Apache-2.0
"""Batches over a real collector and a real queue: what is taken, what is refused item by item, what is answered."""

import gzip
from collections.abc import Callable

import orjson
import pytest
from backports import zstd

from ovpo.foundation.auth import Role
from ovpo.foundation.broker.message import MAX_PAYLOAD_BYTES
from ovpo.foundation.settings.tree import Settings
from ovpo.telemetry.contract.records import Span
from ovpo.telemetry.queue import unpack
from tests.integration.collector.batches import batch, event, new_id, span, trace
from tests.integration.collector.conftest import Collector, bearer, new_tenant, queued, stored, until

Key = dict[str, str]
BODY_LIMIT = 5 * 1024 * 1024


def counts(answer: dict[str, int]) -> tuple[int, int, int]:
    return answer["processed_items"], answer["duplicate_items"], answer["failed_items"]


def test_a_valid_batch_is_acknowledged_and_lies_in_the_queue(
    collector: Collector, settings: Settings, key: Key
) -> None:
    one, batch_id = new_id(), new_id()
    answer = collector.send(batch(trace(one), span(one), event(one, 0), event(one, 1), batch_id=batch_id), key)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body.pop("processing_time_ms") > 0
    assert body == {
        "status": "accepted",
        "batch_id": batch_id,
        "processed_items": 4,
        "duplicate_items": 0,
        "failed_items": 0,
        "errors": [],
    }
    found = [type(record).__name__ for record in queued(settings.broker, one)]
    assert found == ["VideoTrace", "Span", "FrameEvent", "FrameEvent"]


def test_valid_items_of_a_mixed_batch_are_taken_and_the_others_explained(
    collector: Collector, settings: Settings, key: Key
) -> None:
    one, wrong = new_id(), span()
    wrong["status"] = "FINE"
    answer = collector.send(batch(span(one), wrong, {"type": "frame"}, "text", event(one, 0)), key).json()
    assert answer["status"] == "partial_failure"
    assert counts(answer) == (2, 0, 3)
    assert [(e["item_index"], e["item_type"], e["code"], e["field"]) for e in answer["errors"]] == [
        (1, "span", "INVALID_FORMAT", "$.status"),
        (2, None, "INVALID_SCHEMA", "$.type"),
        (3, None, "INVALID_SCHEMA", "$"),
    ]
    assert answer["errors"][0]["item_id"] == wrong["span_id"]
    assert "item_id" not in answer["errors"][1]
    assert len(queued(settings.broker, one, wrong["trace_id"])) == 2


def test_a_batch_without_a_valid_item_is_rejected_and_queues_nothing(collector: Collector, settings: Settings) -> None:
    tenant = new_tenant(settings)
    answer = collector.send(batch(span(status="FINE")), bearer(settings, tenant, Role.DEVELOPER))
    assert (answer.status_code, answer.json()["status"], counts(answer.json())) == (200, "rejected", (0, 0, 1))
    assert [one for one in stored(settings.broker) if one.message.tenant == tenant] == []


def test_a_key_cannot_send_traces_of_another_tenant(collector: Collector, settings: Settings) -> None:
    mine, other = new_tenant(settings), new_tenant(settings)
    good, foreign = trace(tenant=mine), trace(tenant=other)
    answer = collector.send(batch(good, foreign), bearer(settings, mine, Role.DEVELOPER)).json()
    assert counts(answer) == (1, 0, 1)
    assert (answer["errors"][0]["item_index"], answer["errors"][0]["code"]) == (1, "FORBIDDEN")
    assert queued(settings.broker, foreign["trace_id"]) == []
    [message] = [one.message for one in stored(settings.broker) if one.message.tenant == mine]
    assert unpack(message.payload).tenant_id == mine


def test_the_same_item_twice_in_one_batch_is_queued_once(collector: Collector, settings: Settings, key: Key) -> None:
    one = span()
    answer = collector.send(batch(one, one, span()), key).json()
    assert (answer["status"], counts(answer)) == ("accepted", (2, 1, 0))
    assert len(queued(settings.broker, one["trace_id"])) == 1


def test_the_same_batch_sent_again_counts_as_duplicates_and_is_queued_once(
    collector: Collector, settings: Settings, key: Key
) -> None:
    one = new_id()
    sent = batch(trace(one), span(one), span(status="FINE"))
    assert [counts(collector.send(sent, key).json()) for _ in range(3)] == [(2, 0, 1), (0, 2, 1), (0, 2, 1)]
    assert len(queued(settings.broker, one)) == 2


def test_an_item_that_was_changed_or_added_under_a_known_batch_id_is_no_duplicate(
    collector: Collector, settings: Settings, key: Key
) -> None:
    one, batch_id = new_id(), new_id()
    kept, changed = span(one), span(one)
    collector.send(batch(kept, changed, batch_id=batch_id), key)
    again = collector.send(batch(kept, changed | {"name": "decode"}, span(one), batch_id=batch_id), key).json()
    assert counts(again) == (2, 1, 0)
    names = {record.name for record in queued(settings.broker, one) if isinstance(record, Span)}
    assert names == {"sampling", "decode"}


def test_items_are_grouped_by_the_bucket_of_their_trace_in_their_order(
    collector: Collector, settings: Settings
) -> None:
    tenant, traces = new_tenant(settings), [new_id() for _ in range(40)]
    items = [event(one, index) for index in range(5) for one in traces]
    answer = collector.send(batch(*items), bearer(settings, tenant, Role.DEVELOPER)).json()
    assert counts(answer) == (200, 0, 0)
    messages = [one.message for one in stored(settings.broker) if one.message.tenant == tenant]
    assert len(messages) == len({message.bucket for message in messages})
    for one in traces:
        assert [record.frame_index for record in queued(settings.broker, one)] == [0, 1, 2, 3, 4]  # type: ignore[union-attr]


def test_items_that_grow_beyond_a_message_are_split_and_one_that_cannot_fit_is_refused(
    collector: Collector, settings: Settings
) -> None:
    tenant, one = new_tenant(settings), new_id()
    # 1e15 is written as 1000000000000000.0: 4.25 times as long with its comma.
    items = [
        trace(new_id(), tenant, input_context={"prompt_hash": "0" * 64, "noise": [10**15 + 0.0] * 250_000})
        | {"trace_id": one, "retry_count": index}
        for index in range(3)
    ]
    sent = batch(*items).replace(b"1000000000000000.0", b"1e15")
    assert len(sent) < BODY_LIMIT
    answer = collector.send(sent, bearer(settings, tenant, Role.DEVELOPER))
    assert counts(answer.json()) == (3, 0, 0)
    sizes = [len(found.message.payload) for found in stored(settings.broker) if found.message.tenant == tenant]
    assert len(sizes) == 2
    assert max(sizes) <= MAX_PAYLOAD_BYTES
    huge = trace(one, tenant, input_context={"prompt_hash": "0" * 64, "noise": [10**15 + 0.0] * 900_000})
    sent = batch(span(), huge).replace(b"1000000000000000.0", b"1e15")
    assert len(sent) < BODY_LIMIT
    answer = collector.send(sent, bearer(settings, tenant, Role.DEVELOPER))
    assert counts(answer.json()) == (1, 0, 1)
    [error] = answer.json()["errors"]
    assert (error["item_index"], error["code"], error["item_id"]) == (1, "FIELD_TOO_LARGE", one)


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [("gzip", gzip.compress), ("GZIP", gzip.compress), ("zstd", zstd.compress), ("identity", bytes)],
)
def test_a_compressed_batch_is_taken(
    collector: Collector, settings: Settings, key: Key, encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    one = span()
    answer = collector.send(compress(batch(one)), key, Content_Encoding=encoding)
    assert (answer.status_code, counts(answer.json())) == (200, (1, 0, 0))
    assert len(queued(settings.broker, one["trace_id"])) == 1


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.ADMIN, Role.SUPER_ADMIN])
def test_a_developer_and_those_above_may_send(collector: Collector, settings: Settings, role: Role) -> None:
    assert collector.send(batch(span()), bearer(settings, "demo", role)).status_code == 200


def test_the_largest_batch_of_the_contract_is_taken(collector: Collector, settings: Settings) -> None:
    answer = collector.send(
        batch(*(span(name="s" * 100) for _ in range(5000))), bearer(settings, "demo", Role.DEVELOPER)
    )
    assert (answer.status_code, counts(answer.json())) == (200, (5000, 0, 0))


def test_every_count_of_every_answer_adds_up_and_the_metrics_tell_the_same(
    collector: Collector, settings: Settings, key: Key
) -> None:
    def items(outcome: str) -> float:
        return collector.metric(f'ovpo_collector_items_total{{outcome="{outcome}"}}')

    before = [items(outcome) for outcome in ("processed", "duplicate", "failed")]
    one = span()
    sent = batch(one, one, one, span(span_id="x"), span(), {"type": 7})
    assert [counts(collector.send(sent, key).json()) for _ in range(2)] == [(2, 2, 2), (0, 4, 2)]
    after = [items(outcome) for outcome in ("processed", "duplicate", "failed")]
    assert [round(b - a) for a, b in zip(before, after, strict=True)] == [2, 6, 4]
    assert collector.metric('ovpo_collector_validation_failures_total{code="INVALID_UUID"}') >= 2


def test_the_log_names_batch_trace_and_tenant_of_a_request(collector: Collector, key: Key) -> None:
    one, batch_id = new_id(), new_id()
    answer = collector.send(batch(span(one), batch_id=batch_id), key)
    [line] = until(
        lambda: [line for line in collector.lines("http.request") if line.get("batch_id") == batch_id] or None,
        "the line of the request",
    )
    assert (line["trace_id"], line["tenant_id"]) == (one, "demo")
    assert line["request_id"] == answer.headers["x-request-id"]
    assert orjson.dumps(key["Authorization"][-20:]) not in collector.log.read_bytes()
