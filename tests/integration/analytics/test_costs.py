# SPDX-License-Identifier: Apache-2.0
"""Traces cost what their spans say, by the rule that settling counts by; what a tenant has not is not found."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.analytics.conftest import Sender
from tests.integration.analytics.plain import FACTORS, by_kind, lasted, many, of_type, units
from tests.integration.collector.batches import Item, new_id, span, trace

FIRST = datetime.now(UTC) - timedelta(days=12)


@pytest.fixture
def traces(sender: Sender) -> list[list[Item]]:
    made = many(sender.tenant, 25, FIRST)
    sender.send(*(item for items in made for item in items))
    return made


def test_every_number_is_that_of_a_plain_count(sender: Sender, traces: list[list[Item]]) -> None:
    answer = sender.costs([items[0]["trace_id"] for items in traces])
    spans = [one for items in traces for one in of_type(items, "span")]
    assert (answer["currency"], answer["pricing_profile"], answer["factors_version"]) == (None, "default", "2026-11")
    assert (answer["traces_found"], answer["not_found"]) == (len(traces), [])
    assert answer["total_units"] == pytest.approx(sum(map(units, spans)))
    for items, found in zip(traces, answer["traces"], strict=True):
        own = of_type(items, "span")
        assert (found["trace_id"], found["span_count"], found["spans_omitted"]) == (items[0]["trace_id"], len(own), 0)
        assert found["units"] == pytest.approx(sum(map(units, own)))
        assert {kind["span_kind"]: (kind["spans"], kind["units"], kind["duration_ms"]) for kind in found["kinds"]} == {
            kind: (len(same), pytest.approx(sum(map(units, same))), pytest.approx(sum(map(lasted, same))))
            for kind, same in by_kind([items]).items()
        }
        assert {one["span_id"]: one["units"] for one in found["spans"]} == {
            one["span_id"]: pytest.approx(units(one)) for one in own
        }
        costs = [one["units"] for one in found["spans"]]
        assert costs == sorted(costs, reverse=True)
        unknown = {one["span_id"] for one in own if one["attributes"].get("gpu.model") == "abacus"}
        assert {one["span_id"] for one in found["unknown_hardware"]} == unknown
        assert {one["span_id"] for one in found["spans"] if not one["hardware_known"]} == unknown
        assert found["unknown_hardware_spans"] == len(unknown)


def test_the_default_profile_gives_what_settling_found(sender: Sender, traces: list[list[Item]]) -> None:
    answer = sender.costs([items[0]["trace_id"] for items in traces])
    settled = {
        str(row["trace_id"]): row
        for row in sender.sql("SELECT * FROM trace_summaries WHERE tenant_id = %s", sender.tenant)
    }
    for found in answer["traces"]:
        row = settled[found["trace_id"]]
        assert found["units"] == pytest.approx(row["compute_units"])
        assert {kind["span_kind"]: kind["units"] for kind in found["kinds"]} == pytest.approx(row["units"])
        assert {kind["span_kind"]: kind["duration_ms"] for kind in found["kinds"]} == pytest.approx(row["milliseconds"])
        assert found["unknown_hardware_spans"] == row["unknown_hardware"]


def test_a_span_without_an_accelerator_has_that_of_its_tenant(sender: Sender) -> None:
    one = new_id()
    sender.sql("UPDATE tenants SET hardware_profile = 'h100' WHERE tenant_id = %s", sender.tenant)
    sender.send(trace(one, sender.tenant), span(one, duration_ms=1000.0))
    [found] = sender.costs([one])["traces"]
    assert (found["units"], found["spans"][0]["hardware"]) == (FACTORS["h100"], "h100")
    [row] = sender.sql("SELECT compute_units FROM trace_summaries WHERE trace_id = %s", one)
    assert row["compute_units"] == FACTORS["h100"]


def test_another_profile_prices_by_its_own_factors(sender: Sender, traces: list[list[Item]]) -> None:
    answer = sender.costs([items[0]["trace_id"] for items in traces], pricing_profile="device_seconds")
    spans = [one for items in traces for one in of_type(items, "span")]
    assert answer["total_units"] == pytest.approx(sum(units(one, {}) for one in spans))
    assert answer["pricing_profile"] == "device_seconds"


def test_a_profile_that_does_not_exist_is_refused_with_those_that_do(sender: Sender) -> None:
    answer = sender.ask_costs({"trace_ids": [new_id()], "pricing_profile": "gold"})
    error = answer.json()["error"]
    assert (answer.status_code, error["details"]["field"]) == (400, "body.pricing_profile")
    assert "default, device_seconds" in error["message"]
    assert sender.audited() == []


def test_a_trace_of_another_tenant_is_not_found(sender: Sender, stranger: Sender, traces: list[list[Item]]) -> None:
    mine, unknown = new_id(), new_id()
    stranger.send(trace(mine, stranger.tenant), span(mine, duration_ms=1000.0))
    theirs = traces[0][0]["trace_id"]
    answer = stranger.costs([theirs, mine, unknown])
    assert [found["trace_id"] for found in answer["traces"]] == [mine]
    assert answer["not_found"] == [theirs, unknown]
    assert stranger.costs([theirs])["total_units"] == 0


def test_a_trace_that_is_named_twice_counts_once(sender: Sender) -> None:
    one = new_id()
    sender.send(trace(one, sender.tenant), span(one, duration_ms=2000.0))
    answer = sender.costs([one, one])
    assert (answer["traces_found"], answer["total_units"]) == (1, 2.0)


def test_a_long_list_of_spans_is_cut_and_its_sum_is_not(sender: Sender) -> None:
    one = new_id()
    spans = [
        span(one, duration_ms=1000.0 * number, span_kind=f"SPAN_KIND_{kind}", attributes={"gpu.model": "abacus"})
        for number in range(1, 21)
        for kind in ("LOAD", "GUARD")
    ]
    sender.send(trace(one, sender.tenant), *spans)
    answer = sender.costs([one, *(new_id() for _ in range(999))])
    [found] = answer["traces"]
    assert (answer["spans_listed_per_trace"], len(answer["not_found"])) == (20, 999)
    assert (found["units"], found["span_count"], found["spans_omitted"]) == (420.0, 40, 20)
    assert [one["units"] for one in found["spans"]] == [float(number // 2) for number in range(41, 21, -1)]
    assert (found["unknown_hardware_spans"], len(found["unknown_hardware"])) == (40, 20)


def test_a_trace_without_spans_costs_nothing(sender: Sender) -> None:
    one = new_id()
    sender.send(trace(one, sender.tenant))
    [found] = sender.costs([one])["traces"]
    assert (found["units"], found["kinds"], found["spans"]) == (0, [], [])


def test_what_is_sent_again_costs_nothing_more(sender: Sender, traces: list[list[Item]]) -> None:
    named = [items[0]["trace_id"] for items in traces]
    before = sender.costs(named)
    sender.send(*(item for items in traces for item in items))
    after = sender.costs(named)
    assert after["total_units"] == pytest.approx(before["total_units"])
    assert [found["span_count"] for found in after["traces"]] == [found["span_count"] for found in before["traces"]]
