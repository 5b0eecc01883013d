# SPDX-License-Identifier: Apache-2.0
"""The frame events of a trace: read in one simple question where that shows all of them, in order, each once."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from ovpo.telemetry.query import events
from ovpo.telemetry.query.events import events_of, frames_of
from ovpo.telemetry.query.frame_statements import EVENTS, FIRST_EVENTS, LARGE_EVENTS

NUMBERS = (*events.METRICS, "latent_min", "latent_max", "latent_inf_count", "step_index")
Row = dict[str, Any]


def row(index: int, name: str, second: int = 0, **given: Any) -> Row:
    """Make a row as ClickHouse gives it."""
    return {
        "event_id": name,
        "span_id": "span",
        "event_type": "frame_generated",
        "observed_at": f"2026-11-21 12:00:{second:02}.000000",
        "frame_index": index,
        "media_time_ms": 40.0 * index,
        **dict.fromkeys(NUMBERS),
        "more_metrics": {},
        "artifact_refs": "",
        "provenance": "",
        "bytes": 0,
    } | given


class Asked:
    """A ClickHouse that gives these rows for these statements, and remembers what it was asked."""

    def __init__(self, **answers: Sequence[Row] | DatabaseError) -> None:
        named = {"every": EVENTS, "first": FIRST_EVENTS, "large": LARGE_EVENTS}
        self._answers = {named[name]: answer for name, answer in answers.items()}
        self._names = {statement: name for name, statement in named.items()}
        self.statements: list[str] = []

    def query(self, statement: str, given: dict[str, Any], settings: Any = None) -> Any:
        """Answer in columns; no column where there is no row."""
        self.statements.append(self._names[statement])
        answer = self._answers[statement]
        if isinstance(answer, DatabaseError):
            raise answer
        shown = answer[: given["most"]]
        names = list(shown[0]) if shown else []
        return SimpleNamespace(column_names=names, result_columns=[[one[name] for one in shown] for name in names])


def names_of(asked: Asked, most: int, expected: int = 0) -> tuple[list[str], bool]:
    """Read the ids of the events."""
    found, cut = events_of(cast("Client", asked), "acme", "t", most, expected)
    return [event["event_id"] for event in found], cut


def test_rows_in_no_order_are_shown_by_frame_then_time_then_id() -> None:
    asked = Asked(every=[row(2, "c"), row(1, "e", 9), row(1, "b", 3), row(1, "a", 3), row(0, "d")])
    assert names_of(asked, 10) == (["d", "a", "b", "e", "c"], False)
    assert asked.statements == ["every"]


def test_a_trace_with_twins_is_asked_for_as_it_came_first() -> None:
    asked = Asked(every=[row(0, "a"), row(1, "b"), row(7, "a")], first=[row(0, "a"), row(1, "b")])
    assert names_of(asked, 10) == (["a", "b"], False)
    assert asked.statements == ["every", "first"]


def test_of_more_events_than_are_wanted_the_first_are_shown() -> None:
    asked = Asked(every=[row(9, "z"), row(8, "y"), row(7, "x")], first=[row(0, "a"), row(1, "b"), row(2, "c")])
    assert names_of(asked, 2) == (["a", "b"], True)
    assert asked.statements == ["every", "first"]


def test_a_trace_that_is_known_to_have_more_is_asked_for_once() -> None:
    asked = Asked(first=[row(0, "a"), row(1, "b"), row(2, "c")])
    assert names_of(asked, 2, expected=3) == (["a", "b"], True)
    assert asked.statements == ["first"]


def test_events_too_large_to_be_read_at_once_are_read_within_their_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_BYTES", 10)
    asked = Asked(every=DatabaseError("too large", code=396), large=[row(0, "a", bytes=9), row(1, "b", bytes=9)])
    assert names_of(asked, 10) == (["a"], True)
    assert asked.statements == ["every", "large"]


def test_another_fault_of_clickhouse_is_not_hidden() -> None:
    with pytest.raises(DatabaseError):
        names_of(Asked(every=DatabaseError("no such table", code=60)), 10)


def test_a_trace_without_events_misses_nothing() -> None:
    found = frames_of(cast("Client", Asked(every=[])), "acme", "t", 10, 0)
    assert (found.events, found.cut, found.gaps, found.only_sampled) == ([], False, [], False)


def test_what_a_sender_did_not_say_of_an_event_is_left_out() -> None:
    told = row(
        0,
        "a",
        step_index=0,
        latent_mean=0.5,
        motion_score=0.0,
        more_metrics={"sharpness": 2.0},
        vram_used_mb=7.0,
        provenance='{"seed":18446744073709551617}',
    )
    found, _ = events_of(cast("Client", Asked(every=[told, row(1, "b", artifact_refs="[]")])), "acme", "t", 10)
    always = {"span_id": "span", "event_type": "frame_generated", "observed_at": "2026-11-21T12:00:00.000000Z"}
    assert msgspec.json.decode(msgspec.json.encode(found[1])) == always | {
        "event_id": "b",
        "frame_index": 1,
        "media_time_ms": 40.0,
        "artifact_refs": [],
    }
    assert bytes(found[0].pop("provenance")) == b'{"seed":18446744073709551617}'
    assert found[0] == always | {
        "event_id": "a",
        "frame_index": 0,
        "media_time_ms": 0.0,
        "step_index": 0,
        "latent_stats": {"mean": 0.5},
        "quality_metrics": {"motion_score": 0.0, "sharpness": 2.0},
        "gpu_metrics": {"vram_used_mb": 7.0},
    }
