# SPDX-License-Identifier: Apache-2.0
"""Two traces side by side: what differs between them, and for whom."""

import pytest

from ovpo.telemetry.query import comparison, shapes
from tests.integration.collector.batches import Item, event, new_id, span, trace
from tests.integration.query.conftest import NewTenant, Tenant
from tests.integration.query.test_trace_detail import shown_as


def run_of(trace_id: str, seconds: int, frames: int, quality: float, *, extra: bool = False) -> list[Item]:
    """Make a run with one stage of so many seconds on an H100."""
    sampling = new_id()
    items = [
        trace(trace_id),
        span(
            trace_id,
            span_id=sampling,
            status="OK",
            end_time=f"2026-11-21T12:00:{seconds:02}Z",
            attributes={"gpu.model": "h100"},
        ),
    ]
    if extra:
        items.append(span(trace_id, span_kind="SPAN_KIND_GUARD", name="guard"))
    frame = {"quality_metrics": {"aesthetic_score": quality}, "gpu_metrics": {"vram_used_mb": 1000 * quality}}
    return items + [
        event(trace_id, index) | {"span_id": sampling, "media_time_ms": index * 40.0} | frame for index in range(frames)
    ]


def test_what_differs_is_told_as_the_other_less_the_one(tenant: Tenant) -> None:
    one, other = new_id(), new_id()
    tenant.send(*run_of(one, 10, 10, 5.0), *run_of(other, 25, 12, 7.0, extra=True))
    found = tenant.found(f"/v1/traces/{one}/compare/{other}")
    shown_as(shapes.TraceComparison, found)
    assert found["total_ms"] == {"one": 10_000, "other": 25_000, "difference": 15_000}
    assert found["units"] == {"one": 40, "other": 100, "difference": 60}
    assert found["peak_vram_mb"]["difference"] == 2000
    assert found["quality"]["aesthetic_score"]["difference"] == 2
    [sampling] = [kind for kind in found["kinds"] if kind["kind"] == "SPAN_KIND_SAMPLING"]
    assert sampling["duration_ms"]["difference"] == 15_000
    assert found["frame_pairs"] == 10
    assert found["frames"]["quality"]["aesthetic_score"] == [2.0] * 10
    assert found["only_other"]["span_count"] == 1
    assert found["only_other"]["frame_ranges"] == [[10, 11]]


def test_a_trace_beside_itself_differs_in_nothing(tenant: Tenant) -> None:
    one = new_id()
    tenant.send(*run_of(one, 10, 10, 5.0))
    found = tenant.found(f"/v1/traces/{one}/compare/{one}")
    assert found["total_ms"]["difference"] == 0
    assert set(found["frames"]["vram_used_mb"]) == {0.0}
    assert (found["only_one"]["span_count"], found["only_other"]["frame_count"]) == (0, 0)


def test_a_comparison_follows_the_change_of_either_trace(tenant: Tenant) -> None:
    one, other = new_id(), new_id()
    tenant.send(*run_of(one, 10, 2, 5.0), *run_of(other, 10, 2, 5.0))
    tag = tenant.get(f"/v1/traces/{one}/compare/{other}").headers["etag"]
    assert tenant.get(f"/v1/traces/{one}/compare/{other}", **{"If-None-Match": tag}).status_code == 304
    tenant.send(event(other, 7))
    changed = tenant.get(f"/v1/traces/{one}/compare/{other}", **{"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.json()["only_other"]["frame_count"] == 1


def test_of_a_very_long_trace_the_beginning_is_compared_and_said_to_be(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = new_id(), new_id()
    tenant.send(*run_of(one, 10, 30, 5.0), *run_of(other, 10, 12, 5.0))
    monkeypatch.setattr(comparison, "MOST_FRAMES", 8)
    found = tenant.found(f"/v1/traces/{one}/compare/{other}")
    assert (found["frames_cut"], found["compared_to_ms"], found["frame_pairs"]) == (True, 280, 8)
    assert (found["only_one"]["frame_count"], found["only_other"]["frame_count"]) == (0, 0)
    assert found["peak_vram_mb"]["one"] == 5000


def test_a_trace_of_another_tenant_is_none_on_either_side(new_tenant: NewTenant) -> None:
    tenant, stranger = new_tenant(), new_tenant()
    own, theirs = new_id(), new_id()
    tenant.send(*run_of(own, 1, 1, 1.0))
    stranger.send(*run_of(theirs, 1, 1, 1.0))
    for pair in ((own, theirs), (theirs, own)):
        assert tenant.get(f"/v1/traces/{pair[0]}/compare/{pair[1]}").status_code == 404


def test_both_traces_are_on_the_audit_chain(tenant: Tenant) -> None:
    one, other = new_id(), new_id()
    tenant.send(*run_of(one, 1, 1, 1.0), *run_of(other, 1, 1, 1.0))
    tenant.found(f"/v1/traces/{one}/compare/{other}")
    looks = {what for kind, _, what, more in tenant.audited() if kind == "TRACE_ACCESS" and more["part"] == "compare"}
    assert looks == {one, other}
