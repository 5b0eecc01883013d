# SPDX-License-Identifier: Apache-2.0
"""`POST /v1/artifacts/signed-url`: who gets a link to what, and that each link is on record before it is given."""

import random
import string
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import httpx2
import psycopg
import pytest

from ovpo.foundation.auth import Role
from ovpo.foundation.postgres.connect import conninfo
from ovpo.foundation.settings.tree import PostgresRole
from ovpo.telemetry.artifacts import handing, lookup
from tests.integration.artifacts.conftest import SUM, Desk, Tell, manifest
from tests.integration.collector.batches import Item, event, new_id, trace


@pytest.fixture(scope="module")
def key(desk: Desk) -> dict[str, str]:
    return desk.key()


def with_refs(trace_id: str, *refs: Item, frame: int = 0, **changes: object) -> Item:
    return {**event(trace_id, frame), "artifact_refs": list(refs), **changes}


def code(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["error"]["code"])


def test_every_artifact_that_a_trace_refers_to_has_a_link_that_opens_it(
    desk: Desk, tell: Tell, key: dict[str, str]
) -> None:
    one = new_id()
    names = ("clip.mp4", "latent.bin", "thumb.png")
    for name in names:
        desk.objects.put(f"tenants/demo/{one}/{name}", name.encode())
    clip, latent, thumb = (f"ovpo://tenants/demo/{one}/{name}" for name in names)
    said = {"kind": "thumbnail", "uri": thumb, "sha256": "b" * 64, "content_type": "image/x-own", "size_bytes": 9}
    tell(trace(one, output_manifest=manifest(clip, latent, size=8)), with_refs(one, {"kind": "x", "uri": clip}, said))
    expected = {
        clip: ("video/mp4", SUM, 8),
        latent: (None, SUM, None),
        thumb: ("image/x-own", f"sha256:{'b' * 64}", 9),
    }
    for uri, known in expected.items():
        answer = desk.sign(key, one, uri)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert (body["content_type"], body["checksum"], body["size_bytes"]) == known
        assert (body["trace_id"], body["uri"], body["scheme"]) == (one, uri, "ovpo")
        assert desk.follow(body["url"]).content == uri.rpartition("/")[2].encode()
        assert answer.headers["cache-control"] == "no-store"


def test_a_link_lives_ten_minutes_or_as_long_as_is_asked(desk: Desk, tell: Tell, key: dict[str, str]) -> None:
    one, uri = new_id(), "ovpo://tenants/demo/a"
    tell(trace(one, output_manifest=manifest(uri)))
    for asked, seconds in (({}, 600), ({"expires_in_seconds": 1}, 1), ({"expires_in_seconds": 604_800}, 604_800)):
        body = desk.sign(key, one, uri, **asked).json()
        lives = datetime.fromisoformat(body["expires_at"]) - datetime.now(UTC)
        assert timedelta(seconds=seconds - 20) < lives <= timedelta(seconds=seconds)
        proof = int(parse_qs(urlsplit(body["url"]).query)["expires"][0])
        assert 0 <= proof - datetime.fromisoformat(body["expires_at"]).timestamp() <= 1


@pytest.mark.parametrize("life", [0, -1, 604_801, 1.5, "600", True, None, 10**30])
def test_a_life_that_no_link_has_is_refused_by_name(desk: Desk, key: dict[str, str], life: object) -> None:
    answer = desk.sign(key, new_id(), "ovpo://tenants/demo/a", expires_in_seconds=life)
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["field"] == "body.expires_in_seconds"


def test_each_link_is_on_record_without_the_link(desk: Desk, tell: Tell, key: dict[str, str]) -> None:
    one, uri = new_id(), "ovpo://tenants/demo/secret-name.png"
    tell(trace(one, output_manifest=manifest(uri)))
    body = desk.sign(key, one, uri).json()
    [record] = desk.audited(one)
    prefix = key["Authorization"].split("_")[2]
    assert (record["event_type"], record["resource_type"]) == ("ARTIFACT_DOWNLOAD", "trace")
    assert record["actor_id"] == f"key:{prefix}"
    said = record["metadata"]
    assert (said["scheme"], said["trace_id"]) == ("ovpo", one)
    assert datetime.fromisoformat(said["expires_at"]) == datetime.fromisoformat(body["expires_at"])
    assert said["uri_sha256"] == sha256(uri.encode()).hexdigest()
    assert "signature" not in str(record)
    assert "secret-name" not in str(record)


def test_no_link_is_given_whose_record_cannot_be_written(desk: Desk, tell: Tell, key: dict[str, str]) -> None:
    one, uri = new_id(), "ovpo://tenants/demo/a"
    tell(trace(one, output_manifest=manifest(uri)))
    assert desk.sign(key, one, uri).status_code == 200
    owner = conninfo(desk.settings.postgres, PostgresRole.MIGRATE)
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("ALTER TABLE audit_log ADD CONSTRAINT none_left CHECK (seq < 0) NOT VALID")
        try:
            answer = desk.sign(key, one, uri)
        finally:
            connection.execute("ALTER TABLE audit_log DROP CONSTRAINT none_left")
    assert answer.status_code == 500
    assert "signature" not in answer.text
    assert len(desk.audited(one)) == 1


def test_no_connection_is_held_while_the_stores_are_asked_and_links_are_signed(
    desk: Desk, tell: Tell, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, uri = new_id(), "ovpo://tenants/demo/a.png"
    tell(trace(one), with_refs(one, {"kind": "thumbnail", "uri": uri}))
    held: list[int] = []

    def watched(module: object, name: str) -> None:
        real = getattr(module, name)

        def look(*given: object) -> object:
            held.append(desk.held())
            return real(*given)

        monkeypatch.setattr(module, name, look)

    watched(lookup, "in_frames")
    watched(lookup, "thumbnails")
    watched(handing, "links")
    assert desk.sign(key, one, uri).status_code == 200
    assert desk.http.get(f"/v1/traces/{one}/thumbnails", headers=key).status_code == 200
    assert held == [0, 0, 0, 0]


def test_an_unknown_uri_an_unknown_trace_and_a_foreign_trace_are_the_same_to_a_caller(
    desk: Desk, tell: Tell, key: dict[str, str], other_tenant: str
) -> None:
    own, foreign, uri = new_id(), new_id(), "https://cdn.example/a.mp4"
    tell(trace(own, output_manifest=manifest("https://cdn.example/b.mp4")))
    tell(trace(foreign, other_tenant, output_manifest=manifest(uri)), tenant=other_tenant)
    tell(with_refs(foreign, {"kind": "x", "uri": uri}), tenant=other_tenant)
    bodies = []
    for trace_id in (own, foreign, new_id()):
        answer = desk.sign(key, trace_id, uri)
        assert code(answer) == (404, "NOT_FOUND")
        bodies.append({name: answer.json()["error"][name] for name in ("code", "message", "details")})
        assert desk.audited(trace_id) == []
    assert bodies[0] == bodies[1] == bodies[2]
    assert desk.sign(desk.key(other_tenant), foreign, uri).status_code == 200


def test_the_same_trace_id_of_two_tenants_refers_to_what_each_said(
    desk: Desk, tell: Tell, key: dict[str, str], other_tenant: str
) -> None:
    one = new_id()
    tell(trace(one), with_refs(one, {"kind": "x", "uri": "https://cdn.example/ours"}))
    tell(with_refs(one, {"kind": "x", "uri": "https://cdn.example/theirs"}), tenant=other_tenant)
    theirs = desk.key(other_tenant)
    assert desk.sign(key, one, "https://cdn.example/ours").status_code == 200
    assert desk.sign(key, one, "https://cdn.example/theirs").status_code == 404
    assert desk.sign(theirs, one, "https://cdn.example/theirs").status_code == 200
    assert desk.sign(theirs, one, "https://cdn.example/ours").status_code == 404


def test_a_trace_of_which_only_frames_came_has_links_too(desk: Desk, tell: Tell, key: dict[str, str]) -> None:
    one = new_id()
    tell(with_refs(one, {"kind": "x", "uri": "https://cdn.example/a"}))
    assert desk.sign(key, one, "https://cdn.example/a").status_code == 200


def test_of_an_event_that_came_twice_the_first_one_counts(desk: Desk, tell: Tell, key: dict[str, str]) -> None:
    one, twin, now = new_id(), new_id(), datetime.now(UTC)
    tell(
        with_refs(one, {"kind": "x", "uri": "https://cdn.example/first"}, event_id=twin), at=now - timedelta(seconds=9)
    )
    tell(with_refs(one, {"kind": "x", "uri": "https://cdn.example/second"}, event_id=twin), at=now)
    assert desk.sign(key, one, "https://cdn.example/first").status_code == 200
    assert desk.sign(key, one, "https://cdn.example/second").status_code == 404


def test_an_object_of_another_tenant_is_not_had_by_naming_it_in_a_trace_of_ones_own(
    desk: Desk, tell: Tell, key: dict[str, str], other_tenant: str
) -> None:
    one = new_id()
    desk.objects.put(f"tenants/{other_tenant}/secret", b"secret")
    desk.objects.put("reports/secret", b"secret")
    own_folder = (desk.settings.home / "objects").as_uri()
    (desk.renders / other_tenant).mkdir(exist_ok=True)
    (desk.renders / other_tenant / "secret").write_text("secret")
    uris = [
        f"ovpo://tenants/{other_tenant}/secret",
        f"ovpo://tenants/demo/..%2F{other_tenant}/secret",
        f"ovpo://tenants/demo/%2e%2e/{other_tenant}/secret",
        f"ovpo://tenants%2F{other_tenant}/secret",
        "ovpo://reports/secret",
        f"{own_folder}/tenants/{other_tenant}/secret",
        f"{own_folder}/reports/secret",
        f"{desk.renders.as_uri()}/{other_tenant}/secret",
        f"{desk.renders.as_uri()}/demo/../{other_tenant}/secret",
        "file:///etc/passwd",
        f"s3://renders/{other_tenant}/secret",
        "s3://renders/demo2/secret",
        "s3://other/demo/secret",
        "s3://user:pass@renders/demo/secret",
        "gs://renders/demo/secret",
        "azure://renders/demo/secret",
    ]
    tell(trace(one), with_refs(one, *({"kind": "x", "uri": uri} for uri in uris)))
    for uri in uris:
        answer = desk.sign(key, one, uri)
        assert code(answer) in {(404, "NOT_FOUND"), (403, "FORBIDDEN")}, uri
        assert answer.json()["error"]["details"] == {"field": "uri"}
    assert desk.audited(one) == []


def test_a_place_that_is_closed_says_who_can_open_it(desk: Desk, tell: Tell, key: dict[str, str]) -> None:
    one = new_id()
    tell(trace(one, output_manifest=manifest("s3://elsewhere/a.mp4")))
    answer = desk.sign(key, one, "s3://elsewhere/a.mp4")
    assert code(answer) == (403, "FORBIDDEN")
    assert "OVPO_ARTIFACTS__ROOTS" in answer.json()["error"]["message"]


def test_an_object_in_an_open_bucket_has_the_clouds_own_link(desk: Desk, tell: Tell, key: dict[str, str]) -> None:
    one = new_id()
    tell(trace(one, output_manifest=manifest("s3://renders/demo/a%20b.mp4")))
    body = desk.sign(key, one, "s3://renders/demo/a%20b.mp4", expires_in_seconds=77).json()
    link = urlsplit(body["url"])
    assert link.path == "/renders/demo/a%20b.mp4"
    assert parse_qs(link.query)["X-Amz-Expires"] == ["77"]
    assert body["scheme"] == "s3"


def test_https_is_given_as_it_was_said_and_does_not_expire_by_us(desk: Desk, tell: Tell, key: dict[str, str]) -> None:
    one, uri = new_id(), "https://127.0.0.1:1/never-fetched.png?token=abc"
    tell(trace(one, output_manifest=manifest(uri)))
    body = desk.sign(key, one, uri).json()
    assert (body["url"], body["expires_at"], body["content_type"]) == (uri, None, "image/png")


def test_a_file_of_an_open_folder_comes_through_a_link_of_its_own_with_ranges(
    desk: Desk, tell: Tell, key: dict[str, str]
) -> None:
    one, folder = new_id(), desk.renders / "demo"
    folder.mkdir(exist_ok=True)
    (folder / "a.webp").write_bytes(b"0123456789")
    (folder / "link.webp").symlink_to("/etc/passwd")
    uris = [f"{folder.as_uri()}/{name}" for name in ("a.webp", "link.webp", "nothing.webp")]
    tell(trace(one, output_manifest=manifest(*uris)))
    link = desk.sign(key, one, uris[0]).json()["url"]
    parts = urlsplit(link)
    answer = desk.http.get(f"{parts.path}?{parts.query}", headers={"Range": "bytes=-4"})
    assert (answer.status_code, answer.content) == (206, b"6789")
    assert answer.headers["content-disposition"] == "inline"
    assert desk.http.get(f"{parts.path.replace('a.webp', 'b.webp')}?{parts.query}").status_code == 403
    assert desk.http.get(f"{parts.path.replace('/v1/files', '/v1/objects')}?{parts.query}").status_code == 403
    for uri in uris[1:]:
        answer = desk.follow(desk.sign(key, one, uri).json()["url"])
        assert code(answer) == (404, "NOT_FOUND")


def test_a_reader_of_traces_is_enough_and_no_key_is_not(desk: Desk, tell: Tell) -> None:
    one, uri = new_id(), "https://cdn.example/a"
    tell(trace(one, output_manifest=manifest(uri)))
    for role in Role:
        assert desk.sign(desk.key(role=role), one, uri).status_code == 200
    assert code(desk.sign({}, one, uri)) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"uri": "https://a.example/b"}, "MISSING_FIELD"),
        ({"trace_id": "42", "uri": "https://a.example/b"}, "INVALID_UUID"),
        ({"trace_id": new_id().upper(), "uri": "https://a.example/b"}, "INVALID_UUID"),
        ({"trace_id": new_id(), "uri": "https://a.example/" + "b" * 2040}, "FIELD_TOO_LARGE"),
        ({"trace_id": new_id(), "uri": ""}, "INVALID_FORMAT"),
        ({"trace_id": new_id(), "uri": 7}, "INVALID_SCHEMA"),
        ({"trace_id": new_id(), "uri": "https://a.example/b", "tenant_id": "other"}, "INVALID_SCHEMA"),
    ],
)
def test_a_body_that_is_none_is_refused(desk: Desk, key: dict[str, str], body: object, expected: str) -> None:
    answer = desk.http.post("/v1/artifacts/signed-url", headers=key, json=body)
    assert code(answer) == (400, expected)


def test_hostile_uris_give_no_link_and_break_nothing(desk: Desk, tell: Tell, key: dict[str, str]) -> None:
    one, chance = new_id(), random.Random(11)
    tell(trace(one, output_manifest=manifest("ovpo://tenants/demo/a")))
    fixed = [
        *("ovpo://tenants/demo/a\n", "ovpo://tenants/demo/a\x00", " ovpo://tenants/demo/a", "OVPO://tenants/demo/a"),
        *("ovpo://tenants/demo/a/", "ovpo://tenants/demo/%61", "ovpo://tenants/demo/./a", "ovpo://tenants/demo/a?x"),
        *("' OR 1=1 --", "{uri:String}", "%(trace_id)s", "\\' OR 1=1", "s3://bucket/'; DROP TABLE frame_events; --"),
        *("https://cdn.example/ü", "https://cdn.example/\u202e", "s3://us er@b/x", "x" * 2048, "\t", "file://"),
    ]
    alphabet = string.printable + "ü\u2028\x00'\"\\{}%"
    made = ["".join(chance.choices(alphabet, k=chance.randrange(1, 80))) for _ in range(150)]
    schemes = ["ovpo://", "s3://", "https://", "file:///", "gs://", "azure://", ""]
    for uri in [*fixed, *(chance.choice(schemes) + one for one in made)]:
        assert code(desk.sign(key, one, uri)) == (404, "NOT_FOUND"), uri
    raw = f'{{"trace_id": "{one}", "uri": "s3://\\ud800"}}'
    answer = desk.http.post(
        "/v1/artifacts/signed-url", headers={**key, "Content-Type": "application/json"}, content=raw.encode()
    )
    assert answer.status_code in {400, 404}
