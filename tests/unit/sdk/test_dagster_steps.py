# SPDX-License-Identifier: Apache-2.0
"""The events of a Dagster run become spans: those that only a daemon's queue brings about."""

import dagster as dg

from ovpo_sdk.dagster_steps import Moment, Told, failure_of, spans_of
from ovpo_sdk.ids import new_id
from ovpo_sdk.kinds import SpanKind, SpanStatus

Kind = dg.DagsterEventType


def told(*happened: tuple[float, dg.DagsterEventType]) -> Told:
    """A run of one step, `sample`."""
    moments = [
        Moment(at, dg.DagsterEvent(kind.value, "render", step_key="sample" if kind.value.startswith("STEP") else None))
        for at, kind in happened
    ]
    return Told(new_id(), tuple(moments), {"sample": SpanKind.SAMPLING}, None)


def seen(run: Told) -> list[tuple[SpanKind, float, SpanStatus]]:
    return [(span.span_kind, span.duration_ms or 0.0, span.status) for span in spans_of(run)]


def test_a_run_waits_in_the_queue_then_loads_then_steps() -> None:
    run = told((100, Kind.RUN_ENQUEUED), (160, Kind.RUN_START), (163, Kind.STEP_START), (170, Kind.RUN_CANCELED))
    assert seen(run) == [
        (SpanKind.QUEUE, 60_000, SpanStatus.OK),
        (SpanKind.LOAD, 3_000, SpanStatus.OK),
        (SpanKind.SAMPLING, 7_000, SpanStatus.ERROR),
    ]


def test_a_run_without_steps_loads_until_its_end() -> None:
    run = told((100, Kind.RUN_START), (101, Kind.RUN_SUCCESS))
    assert seen(run) == [(SpanKind.LOAD, 1_000, SpanStatus.OK)]
    assert failure_of(run) is None


def test_a_run_that_was_canceled_while_it_waited_has_only_waited() -> None:
    run = told((100, Kind.RUN_ENQUEUED), (160, Kind.RUN_CANCELED))
    assert seen(run) == [(SpanKind.QUEUE, 60_000, SpanStatus.ERROR)]


def test_a_step_that_begins_again_without_an_end_is_one_try() -> None:
    run = told((0, Kind.RUN_START), (1, Kind.STEP_START), (3, Kind.STEP_START), (6, Kind.RUN_FAILURE))
    assert seen(run)[1:] == [(SpanKind.SAMPLING, 5_000, SpanStatus.ERROR)]


def test_a_clock_that_ran_back_gives_no_negative_time() -> None:
    run = told((0, Kind.RUN_START), (5, Kind.STEP_START), (4, Kind.RUN_FAILURE))
    assert seen(run)[-1] == (SpanKind.SAMPLING, 0, SpanStatus.ERROR)
