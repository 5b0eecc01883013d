# SPDX-License-Identifier: Apache-2.0
"""A trace is the fold of its records: the same in whatever order they came, and final once it is final."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovpo.foundation.http.errors import Code
from ovpo.telemetry.contract.lifecycle import TERMINAL
from ovpo.telemetry.contract.records import TraceStatus, VideoTrace
from ovpo.telemetry.processor.merging import MOST_RECORDS, merge
from ovpo.telemetry.processor.reading import TraceRecord
from tests.unit.telemetry.processor.records import record

EARLY, LATE = "2026-11-21T11:00:00Z", "2026-11-21T12:00:00Z"
FINAL = sorted(TERMINAL)

words = st.text("abc", min_size=1, max_size=2)
contents = st.fixed_dictionaries(
    {},
    optional={
        "tags": st.dictionaries(words, words, max_size=2),
        "retry_count": st.integers(0, 3),
        "started_at": st.sampled_from([EARLY, LATE]),
        "created_at": st.sampled_from([EARLY, LATE]),
        "user_id_hash": st.sampled_from(["a" * 64, "b" * 64]),
        "pipeline_config": st.dictionaries(words, st.integers(0, 3), max_size=2),
    },
)
records = st.lists(
    st.builds(
        lambda status, seconds, more: record(status, seconds, **more),
        st.sampled_from(TraceStatus),
        st.integers(0, 12),
        contents,
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda one: one.digest,
)


def told(*given_records: TraceRecord) -> dict[str, Any]:
    """Give the merged trace as plain values."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(merge(given_records).trace))
    return plain


def refused(*given_records: TraceRecord) -> list[tuple[str, Code]]:
    return [(one.record.trace.status.value, one.code) for one in merge(given_records).refusals]


@settings(deadline=None)
@given(records, st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_the_same_trace_and_the_same_refusals(
    given_records: list[TraceRecord], chance: random.Random
) -> None:
    shuffled = list(given_records)
    chance.shuffle(shuffled)
    assert merge(shuffled) == merge(given_records)


@settings(deadline=None)
@given(records)
def test_every_record_has_a_part_in_the_trace_or_is_refused_with_a_reason(given_records: list[TraceRecord]) -> None:
    merged = merge(given_records)
    refusals = {one.record.digest for one in merged.refusals}
    assert len(refusals) == len(merged.refusals) < len(given_records)
    assert all(one.code is Code.INVALID_TRANSITION and one.reason for one in merged.refusals)
    assert merged.trace.status in {one.trace.status for one in given_records if one.digest not in refusals}


@settings(deadline=None)
@given(records, contents, st.sampled_from(TraceStatus), st.integers(13, 100))
def test_what_a_final_trace_says_no_later_record_changes(
    given_records: list[TraceRecord], more: dict[str, Any], status: TraceStatus, seconds: int
) -> None:
    before = told(*given_records, record("COMPLETED", 12))
    after = told(*given_records, record("COMPLETED", 12), record(status, seconds, **more))
    assert {name: after.get(name) for name in before if holds(before[name])} == {
        name: value if not isinstance(value, dict) or name == "pipeline_config" else {**after[name], **value}
        for name, value in before.items()
        if holds(value)
    }


def holds(value: object) -> bool:
    return value not in (None, 0, {})


@pytest.mark.parametrize("final", FINAL)
@pytest.mark.parametrize("then", TraceStatus)
def test_nothing_else_follows_a_final_status_after_five_seconds(final: TraceStatus, then: TraceStatus) -> None:
    given_records = record(final), record(then, 5.001, tags={"late": "yes"})
    if then is final:
        assert refused(*given_records) == []
        assert told(*given_records)["tags"] == {"late": "yes"}
    else:
        assert refused(*given_records) == [(then.value, Code.INVALID_TRANSITION)]
        assert told(*given_records) == told(given_records[0])


def test_a_refusal_says_what_cannot_become_what() -> None:
    [refusal] = merge([record("FAILED"), record("COMPLETED", 1)]).refusals
    assert refusal.reason == "a trace that is FAILED cannot become COMPLETED"


@pytest.mark.parametrize(("seconds", "overtaken"), [(5, True), (5.001, False)])
@pytest.mark.parametrize("earlier", ["PENDING", "GENERATING"])
def test_an_earlier_status_counts_as_overtaken_within_five_seconds(
    earlier: str, seconds: float, overtaken: bool
) -> None:
    late = record(earlier, seconds, started_at=EARLY)
    assert (refused(record("COMPLETED"), late) == []) is overtaken
    merged = told(record("COMPLETED"), late)
    assert (merged["status"], merged["started_at"] is not None) == ("COMPLETED", overtaken)


def test_another_final_status_is_never_overtaken() -> None:
    assert refused(record("FAILED"), record("COMPLETED", 1)) == [("COMPLETED", Code.INVALID_TRANSITION)]


def test_the_five_seconds_run_from_the_first_record_of_the_later_status() -> None:
    given_records = record("COMPLETED"), record("COMPLETED", 4, tags={"a": "b"}), record("GENERATING", 8)
    assert refused(*given_records) == [("GENERATING", Code.INVALID_TRANSITION)]


def test_of_records_received_at_once_the_later_status_comes_last() -> None:
    assert told(record("COMPLETED"), record("PENDING"))["status"] == "COMPLETED"
    assert refused(record("COMPLETED"), record("PENDING")) == []


def test_a_later_record_overrides_what_it_names_and_keeps_the_rest() -> None:
    merged = told(
        record("PENDING", 0, tags={"a": "1", "b": "1"}, created_at=EARLY, user_id_hash="a" * 64, retry_count=2),
        record("GENERATING", 1, tags={"b": "2"}, created_at=LATE, started_at=LATE, retry_count=1),
    )
    assert merged["tags"] == {"a": "1", "b": "2"}
    assert (merged["user_id_hash"], merged["started_at"], merged["status"]) == ("a" * 64, LATE, "GENERATING")
    assert (merged["created_at"], merged["retry_count"]) == (EARLY, 2)


def test_input_contexts_are_joined_name_by_name() -> None:
    first = record("PENDING", input_context={"prompt_hash": "0" * 64, "seed": 1})
    second = record("COMPLETED", 1, input_context={"prompt_hash": "0" * 64, "width": 8})
    assert told(first, second)["input_context"] == {"prompt_hash": "0" * 64, "seed": 1, "width": 8}


def test_the_same_final_record_again_fills_only_what_is_missing() -> None:
    first = record("COMPLETED", tags={"a": "1"}, created_at=LATE, retry_count=1)
    again = record("COMPLETED", 60, tags={"a": "2", "b": "2"}, created_at=EARLY, retry_count=5, completed_at=LATE)
    merged = told(first, again)
    assert (merged["tags"], merged["completed_at"]) == ({"a": "1", "b": "2"}, LATE)
    assert (merged["created_at"], merged["retry_count"]) == (LATE, 1)


def test_records_beyond_the_most_are_refused_whatever_they_say() -> None:
    many = [record("GENERATING", second, retry_count=second) for second in range(MOST_RECORDS + 2)]
    merged = merge(many)
    assert [one.code for one in merged.refusals] == [Code.TOO_MANY_ITEMS] * 2
    assert [one.record.trace.retry_count for one in merged.refusals] == [MOST_RECORDS, MOST_RECORDS + 1]
    assert merged.trace.retry_count == MOST_RECORDS - 1


def test_one_record_is_the_trace() -> None:
    one = record("FAILED", failure={"kind": "oom", "message": "no memory", "retryable": True, "details": {"gb": 24}})
    merged = merge([one])
    assert merged.trace is one.trace
    assert isinstance(merged.trace, VideoTrace)
