# SPDX-License-Identifier: Apache-2.0
"""Frame invariants are found in whatever order events come, and mark what may be marked."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ovpo.foundation.clickhouse.connect import KeptClient
from ovpo.foundation.settings.tree import Settings
from ovpo.telemetry.contract.frames import Finding, FrameRule
from ovpo.telemetry.contract.records import FrameEvent
from ovpo.telemetry.processor import settling_statements
from ovpo.telemetry.processor.frames import Frames
from ovpo.telemetry.processor.reading import FrameLine
from ovpo.telemetry.processor.summary import FrameTotals
from tests.integration.collector.batches import Item, event, new_id, trace
from tests.integration.collector.conftest import until
from tests.integration.processor.conftest import Kept, queue_up, settled
from tests.unit.telemetry.processor.frame_rules import findings

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DRAWN = 150


def frame(one: str, index: int, media_ms: float | None = None, seconds: float = 0, **changes: Any) -> Item:
    at = (NOON + timedelta(seconds=seconds)).isoformat()
    media = index * 40 if media_ms is None else media_ms
    return event(one, index) | {"media_time_ms": media, "observed_at": at} | changes


def broken(rule: FrameRule, one: str) -> tuple[Item, Item]:
    """Give two events that break a rule: the one that it shows at, and the one that it contradicts."""
    if rule is FrameRule.INDEX_RISES:
        return frame(one, 3, seconds=1), frame(one, 3)
    if rule is FrameRule.MEDIA_TIME_NEVER_FALLS:
        return frame(one, 4, 100), frame(one, 3, 120)
    return frame(one, 4, seconds=0), frame(one, 3, seconds=5.001)


@pytest.mark.usefixtures("processor")
def test_a_broken_rule_is_found_across_batches_in_both_orders(settings: Settings, kept: Kept) -> None:
    cases = [(rule, new_id(), order) for rule in FrameRule for order in (1, -1)]
    pairs = {one: broken(rule, one) for rule, one, _ in cases}
    for _, one, order in cases:
        queue_up(settings.broker, trace(one), frame(one, 0), pairs[one][::order][0])
    for _, one, _ in cases:
        settled(kept, one, lambda found: bool(found["frame_events"] == 2))
        assert (kept.trace(one) or {})["status"] == "COMPLETED"
    for _, one, order in cases:
        queue_up(settings.broker, pairs[one][::order][1])
    for rule, one, _ in cases:
        summary = settled(kept, one, lambda found: bool(found["frame_events"] == 3))
        stored = kept.trace(one) or {}
        assert (stored["status"], stored["reported_status"], stored["findings"]) == ("PARTIAL", "COMPLETED", 1)
        shown, against = pairs[one]
        named = {name: shown[name] for name in ("event_id", "frame_index")}
        assert summary["finding_sample"] == [named | {"rule": rule, "against_event_id": against["event_id"]}]
        statement = "SELECT status, findings FROM trace_facts FINAL WHERE trace_id = {trace:UUID}"
        assert kept.clickhouse().query(statement, {"trace": one}).result_rows == [("PARTIAL", 1)]
        assert len(kept.frames(one)) == 3


@pytest.mark.usefixtures("processor")
def test_only_what_runs_or_was_completed_is_marked_and_the_findings_are_kept(settings: Settings, kept: Kept) -> None:
    shown = {
        "PENDING": "PENDING",
        "GENERATING": "PARTIAL",
        "COMPLETED": "PARTIAL",
        "FAILED": "FAILED",
        "CANCELLED": "CANCELLED",
        "TIMEOUT": "TIMEOUT",
        "PARTIAL": "PARTIAL",
        None: None,
    }
    failure = {"kind": "oom", "message": "no memory", "retryable": False}
    traces = {new_id(): status for status in shown}
    for one, status in traces.items():
        more: Item = {"failure": failure} if status == "FAILED" else {}
        told = [trace(one, status=status, **more)] if status else []
        queue_up(settings.broker, *told, *broken(FrameRule.MEDIA_TIME_NEVER_FALLS, one))
    for one, status in traces.items():
        summary = settled(kept, one, lambda found: bool(found["frame_events"] == 2))
        stored = kept.trace(one) or {}
        assert (stored["status"], stored["findings"]) == (shown[status], 1)
        assert len(summary["finding_sample"]) == 1
        statement = "SELECT status FROM trace_facts FINAL WHERE trace_id = {trace:UUID}"
        assert kept.clickhouse().query(statement, {"trace": one}).result_rows == [(shown[status],)]


@pytest.mark.usefixtures("processor")
def test_a_trace_that_goes_on_from_generating_stays_marked_once_completed(settings: Settings, kept: Kept) -> None:
    one, now = new_id(), datetime.now(UTC)
    record = trace(one, status="GENERATING")
    queue_up(settings.broker, record, *broken(FrameRule.MEDIA_TIME_NEVER_FALLS, one), received_at=now)
    until(lambda: (kept.trace(one) or {}).get("status") == "PARTIAL" or None, "the mark")
    queue_up(settings.broker, trace(one), received_at=now + timedelta(seconds=9))
    until(lambda: (kept.trace(one) or {})["reported_status"] == "COMPLETED" or None, "the next record")
    assert (kept.trace(one) or {})["status"] == "PARTIAL"
    assert kept.refused(one) == []


@pytest.mark.usefixtures("processor")
def test_the_sample_is_bounded_and_the_count_is_not(settings: Settings, kept: Kept) -> None:
    one = new_id()
    queue_up(settings.broker, trace(one), *(frame(one, index, 1000 - index) for index in range(100)))
    summary = settled(kept, one, lambda found: bool(found["frame_events"] == 100))
    assert (kept.trace(one) or {})["findings"] == 99
    assert [finding["frame_index"] for finding in summary["finding_sample"]] == list(range(1, 21))


@pytest.mark.usefixtures("processor")
def test_of_events_with_one_id_the_first_to_come_counts(settings: Settings, kept: Kept) -> None:
    one, at = new_id(), new_id()
    now = datetime.now(UTC)
    queue_up(settings.broker, trace(one), frame(one, 7, event_id=at), frame(one, 3), received_at=now)
    settled(kept, one, lambda found: bool(found["frame_events"] == 2))
    queue_up(settings.broker, frame(one, 7, 1, event_id=at), received_at=now + timedelta(seconds=1))
    queue_up(settings.broker, frame(one, 2, event_id=at), frame(one, 9), received_at=now + timedelta(seconds=1))
    summary = settled(kept, one, lambda found: bool(found["last_frame"] == 9))
    assert (summary["frame_events"], summary["frames"], summary["first_frame"]) == (3, 3, 3)
    assert (kept.trace(one) or {})["status"] == "COMPLETED"


rows = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.sampled_from([0, 1.5, 40, 40.1, 1e300]),
        st.sampled_from([0, 4.999999, 5, 5.000001, 9, 10.000001]),
        st.sampled_from(["frame_generated", "frame_sampled", "frame_error"]),
    ),
    max_size=10,
)
_EVENTS = msgspec.json.Decoder(FrameEvent)


@given(st.lists(rows, min_size=DRAWN, max_size=DRAWN))
@hypothesis_settings(deadline=None, max_examples=20, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
def test_clickhouse_finds_what_the_rules_say(settings: Settings, drawn: list[list[tuple[Any, ...]]]) -> None:
    client = KeptClient(settings.clickhouse)
    given_events: dict[tuple[str, str], list[bytes]] = {}
    for of_trace in drawn:
        one = new_id()
        items = [frame(one, index, media, at, event_type=kind) for index, media, at, kind in of_trace]
        given_events["oracle", one] = [msgspec.json.encode(item) for item in items]
    lines = [FrameLine(key, NOON, text) for key, texts in given_events.items() for text in texts]
    Frames(client).write([*lines, *lines[::3]], dict.fromkeys(given_events, NOON))
    asked = {"tenants": ["oracle"] * DRAWN, "traces": [one for _, one in given_events]}
    with client.lent() as lent:
        answer = lent.query(settling_statements.FRAMES, asked).result_rows
    found = {(row[0], row[1]): FrameTotals(*row[2:]) for row in answer}
    client.close()
    for key, texts in given_events.items():
        expected = findings(_EVENTS.decode(text) for text in texts)
        assert (found[key].findings if texts else 0) == len(expected)
        assert places(found[key].sample() if texts else []) == places(expected)


def places(some: Any) -> list[Finding]:
    return sorted(some, key=lambda finding: (finding.frame_index, finding.event_id, finding.rule))[:20]
