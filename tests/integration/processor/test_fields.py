# SPDX-License-Identifier: Apache-2.0
"""Every field of a trace, a span and a frame event comes back as it was sent, at the ends of its range too."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from ovpo.foundation.settings.tree import Settings
from ovpo.telemetry.contract.canonical import instant
from tests.integration.collector.batches import Item, event, new_id, span, trace
from tests.integration.processor.conftest import Kept, as_json, queue_up, settled

pytestmark = pytest.mark.usefixtures("processor")

LARGEST = 2**63 - 1
STRANGE = "naïve 視頻 \U0001f3ac \\ \" ' \t\n\u2028 {}[] %s NULL \\N 0x"
QUALITY = {
    "motion_score": 1e300,
    "temporal_consistency": 1,
    "contrast_ratio": 5e-324,
    "brightness_avg": 255,
    "edge_density": 0,
    "noise_estimate": 0.1,
    "clip_text_similarity": -1,
    "clip_image_similarity": 1e-7,
    "aesthetic_score": 10,
    "artifact_score": 0.30000000000000004,
    "nsfw_score": 0.0,
}
MORE = {"vmaf": 93.5, "Ünïcode wert": -1.7976931348623157e308, "": 0, "a'b\"c\\": 1}
LATENT = {"mean": -1e300, "std_dev": 0, "min_val": -0.5, "max_val": 3, "nan_count": 0, "inf_count": LARGEST}
GPU = {"vram_used_mb": 1e15, "gpu_utilization_pct": 99.99999999999999, "temperature_c": 0}
REFS = [
    {"kind": STRANGE[:64], "uri": "s3://bucket/%E2%82%AC?q='x'"},
    {
        "kind": "thumbnail",
        "uri": "https://example.org/a/" + "b" * 2000,
        "sha256": "a" * 64,
        "content_type": "image/png",
        "size_bytes": LARGEST,
        "ttl_hours": LARGEST,
    },
]
PROVENANCE = {
    "source": "sdk",
    "source_version": STRANGE[:64],
    "algorithm_id": "a" * 128,
    "computed_at": "2026-11-21T12:00:00.123456Z",
}
INSTANTS = {
    "1970-01-01T00:00:00Z": datetime(1970, 1, 1, tzinfo=UTC),
    "2199-12-31T23:59:59.999999Z": datetime(2199, 12, 31, 23, 59, 59, 999_999, UTC),
    "2026-11-21T14:30:00.000001+14:00": datetime(2026, 11, 21, 0, 30, 0, 1, UTC),
    "2026-11-21T00:30:00-12:00": datetime(2026, 11, 21, 12, 30, tzinfo=UTC),
    "1970-01-01T00:00:00+23:59": datetime(1969, 12, 31, 0, 1, tzinfo=UTC),
    "2199-12-31T23:59:59-23:59": datetime(2200, 1, 1, 23, 58, 59, tzinfo=UTC),
    "2026-11-21t12:00:00.5z": datetime(2026, 11, 21, 12, 0, 0, 500_000, UTC),
    "2016-12-31T23:59:60Z": datetime(2016, 12, 31, 23, 59, 59, 999_999, UTC),
    "2026-11-21T12:00:00.123456123Z": datetime(2026, 11, 21, 12, 0, 0, 123_456, UTC),
    "2026-11-21T12:00:00.1234561234567890Z": datetime(2026, 11, 21, 12, 0, 0, 123_456, UTC),
}
NAMES = {
    "latent_stats": {name: f"latent_{name.removesuffix('_val')}" for name in LATENT},
    "gpu_metrics": {name: name for name in GPU},
}


def columns(sent: Item) -> dict[str, Any]:
    """Say what a frame event is as a row."""
    row: dict[str, Any] = {name: str(sent[name]) for name in ("trace_id", "event_id", "span_id", "event_type")}
    row |= {name: sent[name] for name in ("frame_index", "media_time_ms")} | {"step_index": sent.get("step_index")}
    for group, named in NAMES.items():
        row |= {column: sent.get(group, {}).get(name) for name, column in named.items()}
    metrics = sent.get("quality_metrics", {})
    row |= {name: metrics.get(name) for name in QUALITY}
    row["more_metrics"] = {name: value for name, value in metrics.items() if name not in QUALITY}
    row |= {name: sent.get(name) for name in ("artifact_refs", "provenance")}
    return row


def rows(kept: Kept, trace_id: str) -> list[dict[str, Any]]:
    """Give the rows of a trace's frame events with their texts read."""
    found = kept.frames(trace_id)
    for row in found:
        row |= {name: str(row[name]) for name in ("trace_id", "event_id", "span_id")}
        row |= {name: orjson.loads(row[name]) if row[name] else None for name in ("artifact_refs", "provenance")}
    return found


def full(trace_id: str, **changes: Any) -> Item:
    more = {
        "step_index": LARGEST,
        "latent_stats": LATENT,
        "quality_metrics": QUALITY | MORE,
        "gpu_metrics": GPU,
        "artifact_refs": REFS,
        "provenance": PROVENANCE,
    }
    return event(trace_id, 0) | more | changes


def test_a_frame_event_comes_back_whole(settings: Settings, kept: Kept) -> None:
    one = new_id()
    sent = [
        event(one, 0),
        full(one, frame_index=1),
        full(one, frame_index=2, event_type="frame_error", latent_stats={}, quality_metrics={}, gpu_metrics={}),
        full(one, frame_index=3, event_type="frame_sampled", artifact_refs=[], quality_metrics={"nsfw_score": 1}),
        event(one, LARGEST) | {"media_time_ms": 1e300, "gpu_metrics": {"temperature_c": 120}, "step_index": 0},
    ]
    queue_up(settings.broker, trace(one), *sent)
    summary = settled(kept, one, lambda found: bool(found["frame_events"] == len(sent)))
    stored = rows(kept, one)
    for row, item in zip(stored, sent, strict=True):
        expected = columns(item)
        assert {name: row[name] for name in expected} == expected
        assert row["tenant_id"] == "demo"
    assert (summary["last_frame"], summary["last_media_ms"], summary["first_frame"]) == (LARGEST, 1e300, 0)
    assert summary["peak_vram_mb"] == 1e15


def test_instants_of_every_spelling_are_the_same_in_all_stores(settings: Settings, kept: Kept) -> None:
    one = new_id()
    frames = [event(one, index) | {"observed_at": text} for index, text in enumerate(INSTANTS)]
    spans = [span(one, name=text, start_time=text, end_time=text) for text in INSTANTS]
    queue_up(settings.broker, *frames, *spans)
    settled(kept, one, lambda found: bool(found["frame_events"] == found["spans"] == len(INSTANTS)))
    assert [row["observed_at"] for row in kept.frames(one)] == list(INSTANTS.values())
    stored = {row["name"]: (row["start_time"], row["end_time"]) for row in kept.spans(one)}
    assert stored == {text: (moment, moment) for text, moment in INSTANTS.items()}
    assert instant("2016-12-31T23:59:60Z") == "2016-12-31T23:59:59.999999Z"


def test_hours_are_those_of_the_frames_at_the_ends_of_the_contracts_years(settings: Settings, kept: Kept) -> None:
    one = new_id()
    ends = ["1970-01-01T00:30:00Z", "2026-11-21T12:30:00Z", "2199-12-31T23:30:00Z"]
    frames = [event(one, index) | {"observed_at": text} for index, text in enumerate(ends)]
    queue_up(settings.broker, trace(one), *frames)
    settled(kept, one, lambda found: bool(found["frame_events"] == 3))
    statement = "SELECT hour, frame_events FROM frame_hours FINAL WHERE trace_id = {trace:UUID} ORDER BY hour"
    found = kept.clickhouse().query(statement, {"trace": one}).result_rows
    assert found == [
        (datetime(1970, 1, 1, 0, tzinfo=UTC), 1),
        (datetime(2026, 11, 21, 12, tzinfo=UTC), 1),
        (datetime(2199, 12, 31, 23, tzinfo=UTC), 1),
    ]


def test_a_span_comes_back_whole(settings: Settings, kept: Kept) -> None:
    one, parent = new_id(), new_id()
    values = [STRANGE[:40] * 5, "", LARGEST, -LARGEST - 1, 2**64 - 1, 1e300, -5e-324, 0.1, True, False]
    attributes = {f"custom.a{number}_{number:02}": values[number % len(values)] for number in range(100)}
    sent = span(
        one,
        parent_span_id=parent,
        span_kind="SPAN_KIND_OUTPUT_ENCODE",
        name=STRANGE,
        start_time="1970-01-01T00:00:00Z",
        end_time="2199-12-31T23:59:59.999999Z",
        status="OK",
        duration_ms=0.1,
        attributes=attributes,
    )
    bare = span(one)
    queue_up(settings.broker, sent, bare)
    settled(kept, one, lambda found: bool(found["spans"] == 2))
    first, second = kept.spans(one)
    names = ("trace_id", "span_id", "parent_span_id", "span_kind", "name", "status", "duration_ms")
    assert {name: as_json(first[name]) for name in names} == {name: sent[name] for name in names}
    assert {name: as_json(second[name]) for name in names} == {name: bare.get(name) for name in names}
    assert {name: same(value) for name, value in first["attributes"].items()} == attributes
    assert (second["attributes"], second["end_time"]) == ({}, None)


def same(value: Any) -> Any:
    """Read a number as JSON readers do: PostgreSQL writes all digits of 1e300."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**64 else value


def test_a_trace_comes_back_whole(settings: Settings, kept: Kept) -> None:
    one = new_id()
    sent = trace(
        one,
        parent_trace_id=new_id(),
        user_id_hash="f" * 64,
        status="FAILED",
        pipeline_config={"model": STRANGE, "steps": LARGEST, "nested": [{"a": [None, True, 1e300]}], "": {}},
        input_context={"prompt_hash": "0" * 64, "prompt_plaintext": STRANGE * 20, "seed": LARGEST, "own": [STRANGE]},
        output_manifest={
            "primary_output": {
                "url": "s3://b/ü.mp4".replace("ü", "%C3%BC"),
                "format": "mp4",
                "checksum": "md5:" + "0" * 32,
                "codec": "h264",
                "resolution": "1920x1080",
                "duration_sec": 1e300,
                "file_size_bytes": LARGEST,
            },
            "intermediate_artifacts": [
                {"type": "latent", "url": "gs://b/l", "checksum": "sha256:" + "0" * 64, "ttl_hours": LARGEST}
            ],
        },
        cost_attribution={"project": STRANGE, "center": "c", "campaign": "", "tags": {STRANGE: STRANGE}},
        failure={
            "kind": "oom",
            "message": STRANGE,
            "retryable": True,
            "stage": "sampling",
            "error_code": "E1",
            "details": {"deep": [1, {"er": STRANGE}]},
        },
        retry_count=LARGEST,
        tags={f"tag-{number}": STRANGE for number in range(50)},
        created_at="1970-01-01T00:00:00Z",
        started_at="2026-11-21T12:00:00.000001Z",
        completed_at="2199-12-31T23:59:59.999999Z",
    )
    queue_up(settings.broker, sent)
    settled(kept, one)
    stored = kept.trace(one)
    assert stored is not None
    objects = ("pipeline_config", "input_context", "output_manifest", "cost_attribution", "failure", "tags")
    for name in objects:
        assert deep(stored[name]) == sent[name], name
    texts = ("trace_id", "parent_trace_id", "user_id_hash", "status", "retry_count")
    assert {name: as_json(stored[name]) for name in texts} == {name: sent[name] for name in texts}
    assert stored["failure_kind"] == "oom"
    moments = [stored[name].astimezone(UTC) for name in ("created_at", "started_at", "completed_at")]
    assert moments == [datetime.fromisoformat(sent[name]) for name in ("created_at", "started_at", "completed_at")]
    [record] = kept.rows("SELECT record FROM trace_records WHERE trace_id = %s", one)
    assert record["record"] == sent
    statement = "SELECT created_at, status, failure_kind, project FROM trace_facts FINAL WHERE trace_id = {trace:UUID}"
    [fact] = kept.clickhouse().query(statement, {"trace": one}).result_rows
    assert fact == (datetime(1970, 1, 1, tzinfo=UTC), "FAILED", "oom", STRANGE)


def deep(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: deep(part) for name, part in value.items() if part is not None or name != "details"}
    return [deep(part) for part in value] if isinstance(value, list) else same(value)


def test_a_trace_with_nothing_but_what_it_must_have_is_null_elsewhere(settings: Settings, kept: Kept) -> None:
    one = new_id()
    queue_up(settings.broker, trace(one, status="PENDING"))
    settled(kept, one)
    stored = kept.trace(one)
    assert stored is not None
    empty = {name for name, value in stored.items() if value is None}
    assert empty == {
        "parent_trace_id",
        "user_id_hash",
        "pipeline_config_ref",
        "output_manifest",
        "cost_attribution",
        "failure",
        "failure_kind",
        "started_at",
        "completed_at",
        "peak_vram_mb",
        "total_ms",
    }
    assert (stored["tags"], stored["pipeline_config"], stored["retry_count"]) == ({}, {}, 0)
