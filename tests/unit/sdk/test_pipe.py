# SPDX-License-Identifier: Apache-2.0
"""The inbox: what is precious is known, what is lost is told, and nothing that strikes within stops it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from threading import Thread
from typing import Any

import msgspec
import pytest

from ovpo_sdk.ids import new_id
from ovpo_sdk.kinds import EventType, SpanKind, SpanStatus, TraceStatus
from ovpo_sdk.records import FrameRecord, SpanRecord, TraceRecord
from ovpo_sdk.shaping.hashing import prompt_hash
from ovpo_sdk.shaping.personal import PersonalData
from ovpo_sdk.transport.chunks import Chunk, Lane
from ovpo_sdk.transport.pipe import HELP_AT, LOST, MOST_NOTICES, Pipe
from ovpo_sdk.transport.waiting import Waiting

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
SMALL = 4_000_000
FLOOD = 40_000
WITHOUT_END = (10**9, 10**12, 10**9)


def trace(trace_id: str, status: TraceStatus = TraceStatus.COMPLETED, **changes: Any) -> TraceRecord:
    made = TraceRecord(trace_id, status, {}, {"prompt_hash": prompt_hash("")}, AT, "0.08")
    return msgspec.structs.replace(made, **changes)


def span(span_id: str, trace_id: str) -> SpanRecord:
    return SpanRecord(span_id, trace_id, SpanKind.SAMPLING, "s", AT, SpanStatus.OK, "0.08", end_time=AT)


def frame(index: int, trace_id: str, span_id: str, kind: EventType = EventType.GENERATED) -> FrameRecord:
    return FrameRecord(new_id(), trace_id, span_id, kind, AT, index, 1.0 * index, "0.08")


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def pipe(said: list[str]) -> Pipe:
    return Pipe(SMALL, PersonalData("redact"), said.append, lambda: None)


def taken(pipe: Pipe) -> list[Chunk]:
    pipe.drain()
    with pipe.lock:
        pipe.encoder.release(Lane.PRECIOUS)
        pipe.lanes.close_open()
        return pipe.lanes.take(*WITHOUT_END)


def items(pipe: Pipe) -> Iterator[dict[str, Any]]:
    for chunk in taken(pipe):
        for text in chunk.lines():
            yield msgspec.json.decode(text)


def flood(pipe: Pipe, run: str) -> int:
    """Lose frames of a run; tell how many it has lost so far."""
    span_id = new_id()
    for index in range(1, FLOOD + 1):
        pipe.put(frame(index, run, span_id))
    pipe.drain()
    return pipe.counters(0, 0).dropped_frames


def test_first_and_last_frames_errors_spans_and_traces_survive_a_flood_of_the_others(pipe: Pipe) -> None:
    run, spans = new_id(), [new_id() for _ in range(3)]
    pipe.put(trace(run, TraceStatus.GENERATING))
    for index in range(30_000):
        for span_id in spans:
            kind = EventType.ERROR if index == 15_000 else EventType.GENERATED
            pipe.put(frame(index, run, span_id, kind))
    for span_id in spans:
        pipe.put(span(span_id, run))
    flood(pipe, run)
    pipe.put(trace(run))
    pipe.drain()
    pipe.lanes.close_open()
    pipe.late_losses()
    told = list(items(pipe))
    frames = [(one["span_id"], one["frame_index"]) for one in told if one["type"] == "event"]
    assert {(span_id, index) for span_id in spans for index in (0, 15_000, 29_999)} <= set(frames)
    assert {one["span_id"] for one in told if one["type"] == "span"} == set(spans)
    first, *_, last = [one for one in told if one["type"] == "trace"]
    assert (first["status"], last["status"]) == ("GENERATING", "COMPLETED")
    lost = pipe.counters(0, 0)
    assert (lost.dropped_spans, lost.dropped_traces) == (0, 0)
    assert lost.dropped_frames == 3 * 30_000 + FLOOD - len(frames) > 0
    assert last["tags"] == {LOST: str(lost.dropped_frames)}


def test_a_trace_that_had_ended_is_told_of_all_that_was_lost_before_and_since(pipe: Pipe) -> None:
    run = new_id()
    before = flood(pipe, run)
    pipe.put(trace(run, tags={"team": "video"}))
    between = flood(pipe, run)
    assert pipe.late_losses()
    after = flood(pipe, run)
    assert pipe.late_losses()
    assert not pipe.late_losses()
    assert 0 < before < between < after
    told = [one["tags"] for one in items(pipe) if one["type"] == "trace"]
    assert told == [{"team": "video", LOST: str(lost)} for lost in (before, between, after)]


def test_a_trace_with_as_many_tags_as_it_may_have_is_told_all_the_same(pipe: Pipe) -> None:
    run = new_id()
    lost = flood(pipe, run)
    pipe.put(trace(run, tags={f"tag-{number}": "x" for number in range(50)}))
    [tags] = [one["tags"] for one in items(pipe) if one["type"] == "trace"]
    assert len(tags) == 50
    assert tags[LOST] == str(lost)


@pytest.mark.parametrize("thing", [None, 42, "text", object()])
def test_a_thing_that_is_no_item_costs_nothing_but_itself(pipe: Pipe, said: list[str], thing: Any) -> None:
    pipe.put(thing)
    pipe.put(span(new_id(), new_id()))
    assert [one["type"] for one in items(pipe)] == ["span"]
    pipe.say_what_is_to_be_said()
    assert (pipe.counters(0, 0).refused_here, len(said)) == (1, 1)


def test_a_record_that_holds_itself_costs_nothing_but_itself(pipe: Pipe) -> None:
    config: dict[str, Any] = {}
    config["itself"] = config
    pipe.put(trace(new_id(), pipeline_config=config))
    pipe.put(trace(new_id(), pipeline_config={"half": "\ud800"}))
    pipe.put(trace(new_id(), tenant_id="another"))
    [told] = items(pipe)
    assert "tenant_id" not in told
    assert pipe.counters(0, 0).refused_here == 2


def test_what_strikes_within_and_emits_itself_stops_nothing() -> None:
    """A finalizer may run wherever Python makes an object, so here it does while an item is encoded."""
    pipe: Pipe

    class Striking(PersonalData):
        def clean(self, text: str, where: str, notice: Callable[[str], None]) -> str:
            if where == "custom.a":
                for _ in range(2 * HELP_AT + 1):
                    pipe.put(span(new_id(), new_id()))
                pipe.counters(0, 0)
            return text

    pipe = Pipe(SMALL, Striking("redact"), lambda _: None, lambda: None)
    pipe.put(msgspec.structs.replace(span(new_id(), new_id()), attributes={"custom.a": "text"}))
    pipe.drain()
    speaking = Thread(target=pipe.say_what_is_to_be_said, daemon=True)
    speaking.start()
    speaking.join(20)
    assert not speaking.is_alive()
    assert len(list(items(pipe))) == 2 * HELP_AT + 2


def test_a_logging_handler_that_is_traced_itself_stops_nothing() -> None:
    pipe: Pipe
    said: list[str] = []

    def say(message: str) -> None:
        said.append(message)
        emitting = Thread(target=pipe.drain, daemon=True)
        emitting.start()
        emitting.join(20)
        assert not emitting.is_alive()
        if len(said) < 10:
            pipe.put(None)  # type: ignore[arg-type]
            pipe.drain()

    pipe = Pipe(SMALL, PersonalData("redact"), say, lambda: None)
    pipe.put(None)  # type: ignore[arg-type]
    pipe.drain()
    pipe.say_what_is_to_be_said()
    assert len(said) == pipe.counters(0, 0).refused_here == 10


def test_what_waits_to_be_said_takes_no_memory_to_speak_of(pipe: Pipe, said: list[str]) -> None:
    for _ in range(10_000):
        pipe.put(None)  # type: ignore[arg-type]
    pipe.drain()
    pipe.say_what_is_to_be_said()
    assert 0 < len(said) <= MOST_NOTICES
    assert pipe.counters(0, 0).refused_here == 10_000


def test_nothing_is_said_while_a_caller_can_be_kept_waiting_by_it() -> None:
    """A logging handler's lock is held by whoever logs: a thread that logs and counts must not meet one that speaks."""
    pipe = Pipe(SMALL, PersonalData("redact"), lambda _: pytest.fail("said under the lock"), lambda: None)
    run = new_id()
    pipe.put(span(new_id(), run))
    pipe.put(msgspec.structs.replace(span(new_id(), run), attributes={"custom.who": "me@example.com"}))
    pipe.put(None)  # type: ignore[arg-type]
    pipe.drain()
    assert pipe.counters(0, 0).emitted == 3


def test_a_marker_that_nobody_waits_for_any_more_is_forgotten(pipe: Pipe) -> None:
    early, late = pipe.put_marker(gives_up=False), pipe.put_marker(gives_up=False)
    pipe.drain()
    pipe.give_up(early)
    assert pipe.markers_here() == [late]
    another = pipe.put_marker(gives_up=False)
    pipe.give_up(another)
    pipe.drain()
    assert pipe.markers_here() == [late]


def test_callers_keep_the_inbox_short_when_nobody_else_does(pipe: Pipe) -> None:
    for index in range(3 * HELP_AT):
        pipe.put(frame(index, new_id(), new_id()))
    assert pipe.counters(0, 0).emitted >= 2 * HELP_AT


def test_what_a_closed_client_is_handed_counts_as_dropped(pipe: Pipe) -> None:
    marker = pipe.put_marker(gives_up=False)
    pipe.put(trace(new_id()))
    pipe.put(span(new_id(), new_id()))
    pipe.put(frame(0, new_id(), new_id()))
    assert pipe.discard() == 3
    assert not marker.wait(0)
    counters = pipe.counters(0, 0)
    assert (counters.dropped_traces, counters.dropped_spans, counters.dropped_frames) == (1, 1, 1)
    assert (counters.emitted, counters.waiting) == (3, 0)


def test_what_is_on_its_way_leaves_room_for_what_is_precious(pipe: Pipe) -> None:
    waiting = Waiting(pipe, None)
    flood(pipe, new_id())
    waiting.keep(None)
    flying = waiting.take()
    assert flying
    run, span_id = new_id(), new_id()
    for index in range(2_000):
        pipe.put(frame(index, run, span_id, EventType.ERROR))
    flood(pipe, run)
    waiting.landed()
    kept = [one for one in items(pipe) if one["event_type"] == "frame_error"]
    assert len(kept) == 2_000
