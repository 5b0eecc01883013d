# SPDX-License-Identifier: Apache-2.0
"""Windows and filters: what is taken as given, what is taken unless given, and what is refused."""

import json
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import pytest
from pydantic import ValidationError

from ovpo.telemetry.analytics.questions import (
    BottlenecksQuestion,
    Bucket,
    QualityMetric,
    QuestionError,
    Window,
    Windowed,
    chosen,
    longest_by,
    told,
    window,
)

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)


def asked(**given: object) -> Windowed:
    return Windowed.model_validate(given)


def test_the_window_is_the_last_thirty_days_unless_given() -> None:
    assert window(asked(), NOW) == Window(NOW - timedelta(days=30), NOW)


def test_each_end_of_a_window_may_be_given_alone() -> None:
    start, end = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)
    assert window(asked(start_date=start), NOW) == Window(start, NOW)
    assert window(asked(end_date=end), NOW) == Window(end - timedelta(days=30), end)


def test_a_window_of_400_days_is_the_longest() -> None:
    end = datetime(2026, 1, 1, tzinfo=UTC)
    assert window(asked(start_date=end - timedelta(days=400), end_date=end), NOW).end == end
    with pytest.raises(QuestionError, match="start_date: takes a moment at most 400 days"):
        window(asked(start_date=end - timedelta(days=400, microseconds=1), end_date=end), NOW)
    with pytest.raises(QuestionError, match="62 days before end_date; divide by day for more"):
        window(asked(start_date=end - timedelta(days=63), end_date=end), NOW, longest_by(Bucket.HOUR))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"start_date": NOW, "end_date": NOW}, "start_date"),
        ({"start_date": NOW + timedelta(days=1)}, "start_date"),
        ({"end_date": datetime(2100, 1, 1, tzinfo=UTC)}, "end_date"),
    ],
)
def test_a_window_without_length_or_beyond_the_century_is_refused(given: dict[str, datetime], field: str) -> None:
    with pytest.raises(QuestionError) as refused:
        window(asked(**given), NOW)
    assert refused.value.field == field


def test_hours_widen_a_window_and_whole_hours_stay() -> None:
    hour = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert Window(NOW, NOW).in_hours == Window(hour, hour + timedelta(hours=1))
    assert Window(hour, hour + timedelta(hours=1)).in_hours == Window(hour, hour + timedelta(hours=1))


def test_filters_become_lists_in_which_nothing_means_everything() -> None:
    assert chosen() == {"models": [], "projects": [], "statuses": [], "tag_keys": [], "tag_values": []}
    given = chosen(model="m", status="FAILED,PARTIAL", tags="a=b=c,d=")
    assert (given["models"], given["statuses"]) == (["m"], ["FAILED", "PARTIAL"])
    assert (given["tag_keys"], given["tag_values"]) == (["a", "d"], ["b=c", ""])


def test_the_audit_is_told_tag_keys_and_no_values() -> None:
    question = BottlenecksQuestion(tags="person=ada,team=x", model="m", start_date=NOW)
    assert told(question) == {"tags": ["person", "team"], "model": "m", "start_date": "2026-11-21T12:30:00Z"}


@pytest.mark.parametrize(
    "given",
    [
        {"tags": ""},
        {"tags": "a"},
        {"tags": "A=b"},
        {"tags": "a=b,"},
        {"tags": "a=b,a=c"},
        {"tags": ",".join(f"k{number}=v" for number in range(11))},
        {"tags": "a=" + "x" * 257},
        {"tags": "a=\0"},
        {"status": "COMPLETED,"},
        {"status": "completed"},
        {"status": ""},
        {"model": ""},
        {"model": "m" * 257},
        {"project": "\0"},
        {"group_by": "tenant_id"},
        {"tenant": "other"},
        {"start_date": "yesterday"},
    ],
)
def test_a_filter_that_is_none_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        BottlenecksQuestion.model_validate(given)


def test_the_quality_metrics_are_those_of_the_schema() -> None:
    schemas = files("ovpo.telemetry.contract") / "schemas"
    found = [
        set(node["properties"])
        for file in schemas.iterdir()
        if file.name.endswith(".json")
        for node in _nodes(json.loads(file.read_text()))
        if "motion_score" in node.get("properties", {})
    ]
    assert found
    assert all(names == {metric.value for metric in QualityMetric} for names in found)


def _nodes(document: object) -> list[dict[str, dict[str, object]]]:
    if isinstance(document, dict):
        return [document, *(node for child in document.values() for node in _nodes(child))]
    return [node for child in document for node in _nodes(child)] if isinstance(document, list) else []
