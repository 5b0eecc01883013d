# SPDX-License-Identifier: Apache-2.0
"""`GET /v1/traces/{id}/thumbnails`: a strip of pictures over the media time, with links, on record once."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ovpo.foundation.clickhouse.connect import session
from ovpo.telemetry.artifacts import lookup
from tests.integration.artifacts.conftest import Desk, Tell, manifest
from tests.integration.collector.batches import Item, event, new_id, trace

LONG_TRACE = """
INSERT INTO frame_events (tenant_id, trace_id, seen_at, received_at, event_id, span_id, event_type, observed_at,
                          frame_index, media_time_ms, artifact_refs)
SELECT 'demo', {trace_id:UUID}, now(), now64(6), generateUUIDv4(), generateUUIDv4(), 'frame_generated', now64(6),
       number, number * 40,
       concat('[{"kind":"thumbnail","uri":"ovpo://tenants/demo/', toString(number), '"},',
              '{"kind":"x","uri":"s3://b/', repeat('y', 2000), '"},{"kind":"x","uri":"s3://c/', repeat('z', 2000), '"}]'
       )
FROM numbers(60000)
"""


@pytest.fixture(scope="module")
def key(desk: Desk) -> dict[str, str]:
    return desk.key()


def frame(trace_id: str, index: int, uri: str | None = None, kind: str = "thumbnail", **changes: object) -> Item:
    """Give a frame event with a picture, 40 ms after the one before it."""
    ref = {"kind": kind, "uri": uri or f"ovpo://tenants/demo/{trace_id}/{index}.webp"}
    return {**event(trace_id, index), "artifact_refs": [ref], **changes}


def look(desk: Desk, key: dict[str, str], trace_id: str, **asked: object) -> dict[str, Any]:
    answer = desk.http.get(f"/v1/traces/{trace_id}/thumbnails", headers=key, params=asked)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def indexes(found: dict[str, Any]) -> Sequence[int]:
    return [one["frame_index"] for one in found["thumbnails"]]


def test_the_pictures_of_a_trace_come_in_order_with_links_that_open_them(
    desk: Desk, tell: Tell, key: dict[str, str]
) -> None:
    one = new_id()
    for index in (0, 1, 2):
        desk.objects.put(f"tenants/demo/{one}/{index}.webp", b"picture %d" % index)
    plain = {**event(one, 3), "artifact_refs": [{"kind": "latent", "uri": "s3://renders/demo/x"}]}
    tell(trace(one), *(frame(one, index) for index in (2, 0, 1)), plain, event(one, 4))
    found = look(desk, key, one)
    assert (found["trace_id"], found["total"], indexes(found)) == (one, 3, [0, 1, 2])
    assert [one["media_time_ms"] for one in found["thumbnails"]] == [0, 40, 80]
    for picture in found["thumbnails"]:
        answer = desk.follow(picture["url"])
        assert answer.content == b"picture %d" % picture["frame_index"]
        assert answer.headers["content-type"] == picture["content_type"] == "image/webp"
        lives = datetime.fromisoformat(picture["expires_at"]) - datetime.now(UTC)
        assert timedelta(minutes=9) < lives <= timedelta(minutes=10)
    [record] = desk.audited(one)
    assert record["event_type"] == "ARTIFACT_DOWNLOAD"
    assert (record["metadata"]["count"], record["metadata"]["kind"]) == (3, "thumbnail")


def test_a_long_strip_is_thinned_evenly_over_the_media_time(desk: Desk, tell: Tell, key: dict[str, str]) -> None:
    one = new_id()
    crowd = [frame(one, index, media_time_ms=index / 10) for index in range(500)]
    tell(trace(one), *crowd, *(frame(one, 500 + index, media_time_ms=50 + index * 50) for index in range(20)))
    found = look(desk, key, one, limit=10)
    assert found["total"] == 520
    times = [one["media_time_ms"] for one in found["thumbnails"]]
    assert times == [0, 100, 200, 300, 400, 500, 600, 700, 800, 900]
    assert len(look(desk, key, one, limit=500)["thumbnails"]) <= 500
    assert len(look(desk, key, one)["thumbnails"]) <= 50
    assert indexes(look(desk, key, one, limit=1)) == [0]


def test_as_many_as_are_wanted_are_all_given(desk: Desk, tell: Tell, key: dict[str, str]) -> None:
    one = new_id()
    tell(trace(one), *(frame(one, index, media_time_ms=index // 4) for index in range(20)))
    assert indexes(look(desk, key, one, limit=20)) == list(range(20))
    assert len(look(desk, key, one, limit=19)["thumbnails"]) < 20


def test_a_span_of_media_time_is_inclusive(desk: Desk, tell: Tell, key: dict[str, str]) -> None:
    one = new_id()
    tell(trace(one), *(frame(one, index) for index in range(10)))
    found = look(desk, key, one, from_ms=80, to_ms=160)
    assert (found["total"], indexes(found)) == (3, [2, 3, 4])
    assert look(desk, key, one, from_ms=1000)["thumbnails"] == []


def test_an_event_that_came_twice_is_one_and_the_first_counts(desk: Desk, tell: Tell, key: dict[str, str]) -> None:
    one, twin, now = new_id(), new_id(), datetime.now(UTC)
    first = frame(one, 0, "https://cdn.example/first.png", event_id=twin)
    tell(frame(one, 0, "https://cdn.example/second.png", event_id=twin), at=now)
    tell(first, at=now - timedelta(minutes=1))
    tell(first, at=now + timedelta(minutes=1))
    found = look(desk, key, one)
    assert found["total"] == 1
    assert [one["url"] for one in found["thumbnails"]] == ["https://cdn.example/first.png"]


def test_an_event_that_lost_its_picture_in_its_first_form_has_none(desk: Desk, tell: Tell, key: dict[str, str]) -> None:
    one, twin, now = new_id(), new_id(), datetime.now(UTC)
    tell({**event(one, 0), "event_id": twin}, at=now - timedelta(minutes=1))
    tell(frame(one, 0, event_id=twin), at=now)
    assert look(desk, key, one)["total"] == 0


def test_a_picture_without_a_link_says_why_and_the_others_have_theirs(
    desk: Desk, tell: Tell, key: dict[str, str], other_tenant: str
) -> None:
    one = new_id()
    uris = [
        f"ovpo://tenants/{other_tenant}/secret.png",
        "s3://elsewhere/a.png",
        "https://cdn.example/a.png",
        "s3://renders/demo/a.png",
    ]
    tell(trace(one), *(frame(one, index, uri) for index, uri in enumerate(uris)))
    found = look(desk, key, one)["thumbnails"]
    assert [one["uri"] for one in found] == uris
    assert [one["url"] is None for one in found] == [True, True, False, False]
    assert "tenants/<tenant_id>/" in found[0]["problem"]
    assert "OVPO_ARTIFACTS__ROOTS" in found[1]["problem"]
    assert (found[2]["url"], found[2]["expires_at"], found[2]["problem"]) == (uris[2], None, None)
    [record] = desk.audited(one)
    assert record["metadata"]["count"] == 2


def test_a_foreign_trace_is_no_trace_and_a_trace_without_pictures_has_none(
    desk: Desk, tell: Tell, key: dict[str, str], other_tenant: str
) -> None:
    foreign, empty = new_id(), new_id()
    tell(trace(foreign, other_tenant), frame(foreign, 0), tenant=other_tenant)
    tell(trace(empty, output_manifest=manifest("https://cdn.example/a.mp4")))
    for unknown in (foreign, new_id()):
        answer = desk.http.get(f"/v1/traces/{unknown}/thumbnails", headers=key)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
        assert desk.audited(unknown) == []
    found = look(desk, key, empty)
    assert (found["total"], found["thumbnails"]) == (0, [])
    assert len(desk.audited(empty)) == 1


@pytest.mark.parametrize(
    "asked",
    [
        *({"limit": limit} for limit in ("0", "501", "-1", "x", "1.5", "9" * 40, "")),
        *({name: value} for name in ("from_ms", "to_ms") for value in ("-1", "nan", "inf", "-inf", "1e16", "x", "")),
        {"from_ms": "2", "to_ms": "1"},
    ],
)
def test_a_question_that_is_none_is_refused_by_the_name_of_its_field(
    desk: Desk, key: dict[str, str], asked: dict[str, str]
) -> None:
    answer = desk.http.get(f"/v1/traces/{new_id()}/thumbnails", headers=key, params=asked)
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["field"] == f"query.{next(iter(asked))}"


def test_a_trace_of_many_frames_has_a_strip_too(desk: Desk, tell: Tell, key: dict[str, str]) -> None:
    one, frames = new_id(), 12_000
    spans = [new_id() for _ in range(2)]
    tell(trace(one), *(frame(one, index, span_id=spans[index % 2]) for index in range(frames)))
    found = look(desk, key, one, limit=500)
    assert (found["total"], len(found["thumbnails"])) == (frames, 500)
    assert indexes(found) == [index * frames // 500 for index in range(500)]


def test_what_is_looked_for_in_240_mb_of_references_takes_less_memory_than_they_do(desk: Desk) -> None:
    one = new_id()
    with session(desk.settings.clickhouse) as client:
        client.command(LONG_TRACE, {"trace_id": one})
        client.set_client_setting("max_memory_usage", 160_000_000)
        found = lookup.in_frames(client, "demo", one, "ovpo://tenants/demo/59999")
        strip = lookup.thumbnails(client, "demo", one, lookup.Span(0, 1e15), 50)
        client.command("ALTER TABLE frame_events DELETE WHERE trace_id = {trace_id:UUID}", {"trace_id": one})
    assert (found is not None, strip.total, len(strip.chosen)) == (True, 60_000, 50)
