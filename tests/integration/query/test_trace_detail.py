# SPDX-License-Identifier: Apache-2.0
"""One trace: all that was sent of it, what it adds up to, what is missing, and its frames as lines to draw."""

from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from pydantic import BaseModel

from ovpo.telemetry.query import events, shapes
from tests.integration.collector.batches import Item, event, new_id, span, trace
from tests.integration.query.conftest import NewTenant, Tenant


def run_of(trace_id: str, frames: int, **changes: Any) -> list[Item]:
    """Make a run of ten seconds with a frame each 40 ms of media time."""
    loading, sampling = new_id(), new_id()
    on_card = {"gpu.model": "h100"}
    return [
        trace(trace_id, **changes),
        span(
            trace_id,
            span_id=loading,
            span_kind="SPAN_KIND_LOAD",
            status="OK",
            start_time="2026-11-21T11:59:58Z",
            end_time="2026-11-21T12:00:00Z",
            attributes=on_card,
        ),
        span(
            trace_id,
            span_id=sampling,
            parent_span_id=loading,
            status="OK",
            end_time="2026-11-21T12:00:08Z",
            attributes=on_card,
        ),
        *[
            event(trace_id, index)
            | {
                "span_id": sampling,
                "media_time_ms": index * 40.0,
                "quality_metrics": {"temporal_consistency": 1 - index / 1000, "sharpness": float(index)},
                "gpu_metrics": {"vram_used_mb": 1000.0 + index, "gpu_utilization_pct": 50.0},
            }
            for index in range(frames)
        ],
    ]


def shown_as(model: type[BaseModel], content: Any) -> None:
    """Hold an answer against what OpenAPI says of it: nothing missing, nothing beside it."""

    def check(described: type[BaseModel], given: Any) -> None:
        described.model_validate(given)
        assert set(given) <= set(described.model_fields), set(given) - set(described.model_fields)

    check(model, content)


def test_a_trace_is_shown_with_all_that_was_sent_of_it(tenant: Tenant) -> None:
    one = new_id()
    artifact = {"kind": "thumbnail", "uri": "ovpo://tenants/x/1.png", "size_bytes": 5}
    tenant.send(
        *run_of(one, 5, tags={"team": "studio"}),
        event(one, 5) | {"artifact_refs": [artifact], "step_index": 3, "latent_stats": {"mean": 0.5, "nan_count": 2}},
    )
    found = tenant.found(f"/v1/traces/{one}")
    shown_as(shapes.TraceDetail, found)
    for model, part in ((shapes.Trace, found["trace"]), (shapes.Summary, found["summary"])):
        shown_as(model, part)
    shown_as(shapes.Completeness, found["completeness"])
    shown_as(shapes.Span, found["spans"][0])
    shown_as(shapes.FrameEvent, found["events"][-1])
    assert found["trace"]["tags"] == {"team": "studio"}
    assert [one["span_kind"] for one in found["spans"]] == ["SPAN_KIND_LOAD", "SPAN_KIND_SAMPLING"]
    assert [one["frame_index"] for one in found["events"]] == [0, 1, 2, 3, 4, 5]
    last = found["events"][-1]
    assert (last["artifact_refs"], last["step_index"]) == ([artifact], 3)
    assert last["latent_stats"] == {"mean": 0.5, "nan_count": 2}
    assert found["events"][2]["quality_metrics"] == {"temporal_consistency": 0.998, "sharpness": 2.0}


def test_the_summary_says_what_the_trace_adds_up_to(tenant: Tenant) -> None:
    one = new_id()
    tenant.send(*run_of(one, 10))
    summary = tenant.found(f"/v1/traces/{one}")["summary"]
    assert summary["total_ms"] == 10_000
    assert {kind["span_kind"]: kind["share"] for kind in summary["by_kind"]} == {
        "SPAN_KIND_SAMPLING": 0.8,
        "SPAN_KIND_LOAD": 0.2,
    }
    assert summary["compute_units"] == 40
    assert (summary["frames_observed"], summary["observed_sampling_rate"]) == (10, 1.0)
    assert (summary["peak_vram_mb"], summary["mean_gpu_pct"], summary["media_ms"]) == (1009, 50, 360)


def test_what_is_missing_is_told(tenant: Tenant) -> None:
    one = new_id()
    items = run_of(one, 20)
    tenant.send(*[item for item in items if item.get("frame_index") not in {0, 1, 7, 12, 13}])
    told = tenant.found(f"/v1/traces/{one}")["completeness"]
    assert told["gaps"] == [{"first": 0, "last": 1}, {"first": 7, "last": 7}, {"first": 12, "last": 13}]
    assert (told["expected_frames"], told["seen_frames"], told["missing_frames"]) == (20, 15, 5)
    assert told["frames_part"] == 75.0
    assert tenant.found(f"/v1/traces/{one}?events=3")["completeness"] == told


def test_samples_that_skip_frames_miss_nothing(tenant: Tenant) -> None:
    one = new_id()
    tenant.send(trace(one), span(one), *[event(one, index) | {"event_type": "frame_sampled"} for index in (0, 10, 20)])
    told = tenant.found(f"/v1/traces/{one}")["completeness"]
    assert (told["gaps"], told["missing_frames"]) == ([], 0)
    assert tenant.found(f"/v1/traces/{one}?events=1")["completeness"] == told


def test_spans_without_a_record_are_shown_as_an_orphan(tenant: Tenant) -> None:
    one = new_id()
    tenant.send(span(one))
    found = tenant.found(f"/v1/traces/{one}")
    assert (found["trace"]["status"], found["completeness"]["orphan"]) == (None, True)


def test_more_events_than_asked_for_are_cut_and_said_to_be(tenant: Tenant) -> None:
    one = new_id()
    tenant.send(*run_of(one, 12))
    cut, whole = tenant.found(f"/v1/traces/{one}?events=5"), tenant.found(f"/v1/traces/{one}?events=12")
    assert (len(cut["events"]), cut["events_cut"]) == (5, True)
    assert (len(whole["events"]), whole["events_cut"]) == (12, False)
    assert tenant.found(f"/v1/traces/{one}?events=0")["events"] == []


@pytest.mark.parametrize("at_once", [4, 1])
def test_events_that_are_megabytes_are_cut_by_their_size(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    one = new_id()
    reference = {"kind": "k", "uri": "https://example.org/" + "x" * 1_900}
    tenant.send(trace(one), span(one), *[event(one, index) | {"artifact_refs": [reference] * 5} for index in range(9)])
    monkeypatch.setattr(events, "MOST_BYTES", 45_000)
    monkeypatch.setattr(events, "LARGE", at_once)
    found = tenant.found(f"/v1/traces/{one}?events=8")
    assert (len(found["events"]), found["events_cut"]) == (4, True)
    assert found["completeness"]["missing_frames"] == 0


def test_an_event_that_came_twice_is_shown_once(tenant: Tenant) -> None:
    one = new_id()
    items = run_of(one, 6)
    tenant.send(*items)
    tenant.send(*items[3:])
    assert len(tenant.found(f"/v1/traces/{one}")["events"]) == 6
    assert tenant.found(f"/v1/traces/{one}/frames")["matched"] == 6


def test_numbers_that_no_float_holds_are_given_back_as_they_were_sent(tenant: Tenant) -> None:
    one = new_id()
    tenant.send(trace(one, pipeline_config={"steps": 2**60 + 1}))
    assert tenant.found(f"/v1/traces/{one}")["trace"]["pipeline_config"] == {"steps": 2**60 + 1}


def test_a_trace_that_did_not_change_is_not_sent_again(tenant: Tenant) -> None:
    one = new_id()
    tenant.send(*run_of(one, 3))
    first = tenant.get(f"/v1/traces/{one}")
    by_tag = tenant.get(f"/v1/traces/{one}", **{"If-None-Match": first.headers["etag"]})
    by_date = tenant.get(f"/v1/traces/{one}", **{"If-Modified-Since": first.headers["last-modified"]})
    long_ago = tenant.get(f"/v1/traces/{one}", **{"If-Modified-Since": "Sat, 21 Nov 2020 00:00:00 GMT"})
    nonsense = tenant.get(f"/v1/traces/{one}", **{"If-Modified-Since": "whenever", "X-Other": "1"})
    codes = [answer.status_code for answer in (by_tag, by_date, long_ago, nonsense)]
    assert codes == [304, 304, 200, 200]
    assert parsedate_to_datetime(first.headers["last-modified"])


def test_what_was_kept_of_a_trace_is_never_shown_once_it_changed(tenant: Tenant) -> None:
    one = new_id()
    tenant.send(*run_of(one, 3, status="GENERATING"))
    before = tenant.get(f"/v1/traces/{one}")
    assert tenant.get(f"/v1/traces/{one}").content == before.content
    tenant.send(trace(one, status="COMPLETED"), event(one, 9))
    after = tenant.get(f"/v1/traces/{one}", **{"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert after.json()["trace"]["status"] == "COMPLETED"
    assert len(after.json()["events"]) == 4


def test_a_trace_that_is_gone_is_gone_although_its_answer_was_kept(tenant: Tenant) -> None:
    one = new_id()
    tenant.send(*run_of(one, 3))
    tenant.found(f"/v1/traces/{one}")
    tenant.sql("DELETE FROM traces WHERE trace_id = %s", one)
    assert tenant.get(f"/v1/traces/{one}").status_code == 404


def test_few_frames_come_one_by_one(tenant: Tenant) -> None:
    one = new_id()
    tenant.send(*run_of(one, 10))
    drawn = tenant.found(f"/v1/traces/{one}/frames?metrics=sharpness,vram_used_mb,absent&points=10")
    shown_as(shapes.Timeline, drawn)
    assert (drawn["resolution"], drawn["matched"], drawn["points"]) == ("frames", 10, 10)
    assert drawn["metrics"]["sharpness"]["mean"] == [float(index) for index in range(10)]
    assert drawn["metrics"]["absent"]["mean"] == [None] * 10
    assert drawn["media_time_ms"] == [index * 40.0 for index in range(10)]


def test_many_frames_come_as_buckets_that_lose_no_peak(tenant: Tenant) -> None:
    one = new_id()
    tenant.send(*run_of(one, 100))
    drawn = tenant.found(f"/v1/traces/{one}/frames?metrics=sharpness&points=10")
    assert (drawn["resolution"], drawn["matched"], drawn["points"]) == ("buckets", 100, 10)
    assert sum(drawn["frames"]) == 100
    line = drawn["metrics"]["sharpness"]
    assert (min(line["min"]), max(line["max"])) == (0.0, 99.0)
    assert line["mean"][0] == sum(range(drawn["frames"][0])) / drawn["frames"][0]
    assert all(low <= mean <= high for low, mean, high in zip(line["min"], line["mean"], line["max"], strict=True))


def test_frames_that_all_have_one_media_time_are_drawn_by_their_index(tenant: Tenant) -> None:
    one = new_id()
    tenant.send(trace(one), span(one), *[event(one, index) | {"media_time_ms": 0.0} for index in range(30)])
    drawn = tenant.found(f"/v1/traces/{one}/frames?points=10")
    assert (drawn["resolution"], drawn["matched"], sum(drawn["frames"])) == ("buckets", 30, 30)


def test_a_stretch_of_a_trace_can_be_asked_for(tenant: Tenant) -> None:
    one = new_id()
    tenant.send(*run_of(one, 50), event(one, 50) | {"event_type": "frame_error", "media_time_ms": 2000.0})

    def frames(question: str) -> list[int]:
        found: list[int] = tenant.found(f"/v1/traces/{one}/frames?{question}")["frame_index"]
        return found

    assert frames("from_ms=80&to_ms=160") == [2, 3, 4]
    assert frames("from_index=10&to_index=11") == [10, 11]
    assert frames("event_type=frame_error") == [50]
    assert frames("from_ms=5000") == []


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ("points=0", "query.points"),
        ("points=5001", "query.points"),
        ("from_ms=-1", "query.from_ms"),
        ("from_ms=nan", "query.from_ms"),
        ("to_ms=1e400", "query.to_ms"),
        ("from_ms=2&to_ms=1", "query"),
        ("event_type=frame", "query.event_type"),
        ("metrics=a,a", "query.metrics"),
        ("metrics=,", "query.metrics"),
        ("from_index=99999999999999999999", "query.from_index"),
    ],
)
def test_a_wrong_stretch_is_named(tenant: Tenant, question: str, field: str) -> None:
    answer = tenant.get(f"/v1/traces/{new_id()}/frames?{question}")
    assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, field)


def test_looks_are_on_the_audit_chain_those_that_showed_nothing_new_too(new_tenant: NewTenant) -> None:
    tenant = new_tenant()
    one = new_id()
    tenant.send(*run_of(one, 2))
    tag = tenant.get(f"/v1/traces/{one}").headers["etag"]
    tenant.get(f"/v1/traces/{one}", **{"If-None-Match": tag})
    tenant.get(f"/v1/traces/{one}/frames")
    tenant.get(f"/v1/traces/{new_id()}")
    looks = [(what, more["part"], more["unchanged"]) for kind, _, what, more in tenant.audited() if "part" in more]
    assert looks == [(one, "whole", False), (one, "whole", True), (one, "frames", False)]
