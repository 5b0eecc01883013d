# SPDX-License-Identifier: Apache-2.0
"""Completeness as a pure function: bounds, weights, and what applies to whom."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovpo.telemetry.rollups.completeness import PARTS, WEIGHTS, with_completeness

WHOLE = {
    "orphan": False,
    "spans": 3,
    "unknown_spans": 0,
    "frame_events": 100,
    "frames": 100,
    "last_frame": 99,
    "only_sampled": False,
    "dropped_events": 0,
    "findings": 0,
}
counts = st.integers(0, 10_000)


def measured(**changes: Any) -> dict[str, Any]:
    return with_completeness(pl.DataFrame([WHOLE | changes])).row(0, named=True)


def test_the_weights_are_percent() -> None:
    assert sum(WEIGHTS.values()) == 100


def test_a_gap_that_its_sender_owns_up_to_is_missing_once() -> None:
    assert measured(frames=90, dropped_events=10)["frames_part"] == 90.0
    assert measured(frames=90, dropped_events=4)["frames_part"] == 90.0
    assert measured(frames=90, dropped_events=30)["frames_part"] == 75.0


def test_a_trace_without_frames_is_measured_by_the_rest() -> None:
    found = measured(frame_events=0, frames=0, last_frame=None, orphan=True)
    assert (found["frames_part"], found["order_part"], found["completeness"]) == (None, None, 50.0)


def test_frames_of_which_all_were_dropped_count_as_missing() -> None:
    found = measured(frame_events=0, frames=0, last_frame=None, dropped_events=7)
    assert (found["frames_part"], found["gaps"], found["expected_frames"]) == (0.0, 0, 7)


def test_more_findings_than_events_do_not_fall_below_nothing() -> None:
    assert measured(findings=500)["order_part"] == 0.0


def test_one_frame_of_a_million_is_still_not_all_of_it() -> None:
    assert measured(frame_events=999_999, frames=999_999, last_frame=999_999)["completeness"] < 100.0


@given(
    orphan=st.booleans(),
    spans=counts,
    unknown_spans=counts,
    frames=st.integers(0, 500),
    extra=counts,
    gap=counts,
    dropped_events=counts,
    findings=counts,
    only_sampled=st.booleans(),
)
def test_completeness_and_its_parts_stay_between_0_and_100(extra: int, gap: int, **given_: Any) -> None:
    frames = given_["frames"]
    last_frame = frames - 1 + gap if frames else None
    found = measured(**given_, frame_events=frames + (extra if frames else 0), last_frame=last_frame)
    for part in (*PARTS, "completeness"):
        assert found[part] is None or 0.0 <= found[part] <= 100.0
    assert found["completeness"] == pytest.approx(
        sum(
            found[part] * weight
            for part, weight in zip(PARTS, WEIGHTS.values(), strict=True)
            if found[part] is not None
        )
        / sum(weight for part, weight in zip(PARTS, WEIGHTS.values(), strict=True) if found[part] is not None)
    )
