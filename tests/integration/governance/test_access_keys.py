# SPDX-License-Identifier: Apache-2.0
"""API keys over HTTP: made, shown once, rotated with an overlap, revoked, all of it audited."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import structlog

from ovpo.foundation.auth import Role
from ovpo.foundation.settings.tree import Settings
from ovpo.governance.audit import chain
from tests.integration.governance.access_service import Access, Headers, error, prefix_of, serving, until

PATH = "/v1/keys"
WANTED = {"role": "developer", "label": "render farm"}


@pytest.fixture(scope="module")
def access(settings: Settings) -> Iterator[Access]:
    with serving(settings) as opened:
        yield opened


@pytest.fixture
def tenant(access: Access) -> str:
    return access.new_tenant()


@pytest.fixture
def admin(access: Access, tenant: str) -> Headers:
    return access.key(Role.ADMIN, tenant)


def works(access: Access, text: str) -> bool:
    return access.ask("GET", "/v1/whoami", {"Authorization": f"Bearer {text}"}).status_code == 200


def made(access: Access, admin: Headers, **more: object) -> dict[str, Any]:
    answer = access.ask("POST", PATH, admin, WANTED | more)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_new_key_is_shown_once_and_is_good_for_its_tenant_and_role(
    access: Access, tenant: str, admin: Headers
) -> None:
    answer = access.ask("POST", PATH, admin, WANTED)
    key = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    assert answer.headers["location"] == f"{PATH}/{key['prefix']}"
    assert (key["state"], key["created_by"], key["last_used_at"]) == ("active", f"key:{prefix_of(admin)}", None)
    who = access.ask("GET", "/v1/whoami", {"Authorization": f"Bearer {key['key']}"}).json()
    assert who == {"tenant_id": tenant, "role": "developer", "key_prefix": key["prefix"]}
    secret = key["key"].rsplit("_", 1)[1]
    for path in (PATH, f"{PATH}/{key['prefix']}"):
        shown = access.ask("GET", path, admin)
        assert key["prefix"] in shown.text
        assert secret not in shown.text
        assert "digest" not in shown.text


def test_the_use_of_a_key_is_noted_once_a_minute_and_only_after_its_secret_was_right(
    access: Access, admin: Headers
) -> None:
    key = made(access, admin)

    def used() -> str | None:
        return access.ask("GET", f"{PATH}/{key['prefix']}", admin).json()["last_used_at"] or None

    assert not works(access, key["key"] + "x")
    until(lambda: access.rows("SELECT 1 FROM api_keys WHERE prefix = %s AND last_used_at > '-infinity'",
                              prefix_of(admin)) or None, "the use of the good key")  # fmt: skip
    assert used() is None
    assert works(access, key["key"])
    first = until(used, "the use of the key")
    access.rows("SELECT touch_api_key(%s)", key["prefix"])
    assert used() == first
    access.rows(
        "UPDATE api_keys SET last_used_at = now() - interval '61 s' WHERE prefix = %s RETURNING 1", key["prefix"]
    )
    access.rows("SELECT touch_api_key(%s)", key["prefix"])
    assert at(used() or "") >= at(first)


def test_a_rotated_key_has_the_same_role_label_and_length_of_life_and_the_old_one_goes_on_for_the_overlap(
    access: Access, admin: Headers
) -> None:
    expires_at = datetime.now(UTC) + timedelta(days=30)
    old = made(access, admin, expires_at=expires_at.isoformat())
    answer = access.ask("POST", f"{PATH}/{old['prefix']}/rotate", admin, {"overlap_seconds": 3600})
    new = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    assert (new["role"], new["label"], new["rotated_from"]) == ("developer", "render farm", old["prefix"])
    lives = [at(key["expires_at"]) - at(key["created_at"]) for key in (old, new)]
    assert lives[0] == lives[1]
    assert (new["replaced"]["prefix"], new["replaced"]["replaced_by"]) == (old["prefix"], new["prefix"])
    assert at(new["replaced"]["expires_at"]) - at(new["created_at"]) == timedelta(hours=1)
    assert works(access, old["key"])
    assert works(access, new["key"])


def test_an_overlap_never_prolongs_a_key_and_is_a_day_unless_said(access: Access, admin: Headers) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=5)
    short, endless = made(access, admin, expires_at=soon.isoformat()), made(access, admin)
    rotated = [access.ask("POST", f"{PATH}/{key['prefix']}/rotate", admin).json() for key in (short, endless)]
    assert at(rotated[0]["replaced"]["expires_at"]) == soon
    assert at(rotated[1]["replaced"]["expires_at"]) - at(rotated[1]["created_at"]) == timedelta(days=1)
    assert rotated[1]["expires_at"] is None


def test_without_an_overlap_the_old_key_stops_at_once(access: Access, admin: Headers) -> None:
    old = made(access, admin)
    new = access.ask("POST", f"{PATH}/{old['prefix']}/rotate", admin, {"overlap_seconds": 0}).json()
    assert (works(access, old["key"]), works(access, new["key"])) == (False, True)
    assert new["replaced"]["state"] == "expired"


def test_only_an_active_key_that_was_not_replaced_is_rotated(access: Access, tenant: str, admin: Headers) -> None:
    replaced, revoked = made(access, admin), made(access, admin)
    expired = prefix_of(access.key(Role.VIEWER, tenant, datetime.now(UTC) - timedelta(seconds=1)))
    new = access.ask("POST", f"{PATH}/{replaced['prefix']}/rotate", admin).json()
    access.ask("DELETE", f"{PATH}/{revoked['prefix']}", admin)
    for prefix in (replaced["prefix"], revoked["prefix"], expired):
        answer = access.ask("POST", f"{PATH}/{prefix}/rotate", admin)
        assert error(answer)["code"] == "CONFLICT", answer.text
    assert access.ask("POST", f"{PATH}/{new['prefix']}/rotate", admin).status_code == 201


@pytest.mark.parametrize("overlap", [-1, 2_592_001, "60", 1.5, None, True])
def test_an_overlap_is_a_number_of_seconds_up_to_a_month(access: Access, admin: Headers, overlap: object) -> None:
    answer = access.ask("POST", f"{PATH}/{prefix_of(admin)}/rotate", admin, {"overlap_seconds": overlap})
    assert answer.status_code == 400
    assert error(answer)["details"]["field"] == "body.overlap_seconds"


def test_of_many_rotations_at_once_one_wins_and_the_others_are_told(access: Access, admin: Headers) -> None:
    old = made(access, admin)
    hold = "SELECT 1 FROM api_keys WHERE prefix = %s FOR NO KEY UPDATE"
    rotation = partial(access.ask, "POST", f"{PATH}/{old['prefix']}/rotate", admin)
    answers = access.all_at_once(hold, old["prefix"], [rotation] * 4)
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    [new] = [answer.json()["prefix"] for answer in answers if answer.status_code == 201]
    assert access.rows("SELECT prefix FROM api_keys WHERE rotated_from = %s", old["prefix"]) == [{"prefix": new}]


def test_twenty_keys_made_at_once_are_twenty_keys_in_one_unbroken_chain(
    access: Access, tenant: str, admin: Headers
) -> None:
    with ThreadPoolExecutor(20) as threads:
        keys = [one.result() for one in [threads.submit(made, access, admin) for _ in range(20)]]
    assert len({key["prefix"] for key in keys}) == 20
    assert all(works(access, key["key"]) for key in keys)
    recorded = access.recorded(tenant)
    assert {row["resource_id"] for row in recorded} == {key["prefix"] for key in keys}
    assert [later["previous_hash"] for later in recorded[1:]] == [one["record_hash"] for one in recorded[:-1]]


def test_a_revoked_key_stops_at_once_and_for_ever(access: Access, tenant: str, admin: Headers) -> None:
    key = made(access, admin)
    first = access.ask("DELETE", f"{PATH}/{key['prefix']}", admin)
    again = access.ask("DELETE", f"{PATH}/{key['prefix']}", admin)
    assert (first.status_code, first.json()["state"], first.json()["is_calling_key"]) == (200, "revoked", False)
    assert again.json()["revoked_at"] == first.json()["revoked_at"]
    assert not works(access, key["key"])
    assert [row["event_type"] for row in access.recorded(tenant)] == ["API_KEY_CREATED", "API_KEY_REVOKED"]


def test_whoever_revokes_the_key_it_calls_with_is_told_so(access: Access, admin: Headers) -> None:
    answer = access.ask("DELETE", f"{PATH}/{prefix_of(admin)}", admin)
    assert (answer.status_code, answer.json()["is_calling_key"]) == (200, True)
    assert access.ask("GET", PATH, admin).status_code == 401


def test_nobody_makes_rotates_or_revokes_a_key_above_its_own_role(access: Access, tenant: str, admin: Headers) -> None:
    above = access.key(Role.SUPER_ADMIN, tenant)
    path = f"{PATH}/{prefix_of(above)}"
    answers = [
        access.ask("POST", PATH, admin, WANTED | {"role": "super_admin"}),
        access.ask("POST", f"{path}/rotate", admin),
        access.ask("DELETE", path, admin),
    ]
    for answer in answers:
        said = error(answer)
        assert (said["code"], said["details"]["needed"], said["details"]["role"]) == (
            "FORBIDDEN",
            "super_admin",
            "admin",
        )
    assert access.ask("GET", path, above).json()["state"] == "active"
    assert access.recorded(tenant) == []
    assert access.ask("POST", f"{path}/rotate", above).status_code == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("label", ""),
        ("label", "a\nb"),
        ("label", "nul \x00"),
        ("label", "bell \x07"),
        ("label", "turned \u202e around"),
        ("label", " leading"),
        ("label", "x" * 201),
        ("label", 7),
        ("role", "root"),
        ("role", "ADMIN"),
        ("role", None),
        ("expires_at", "yesterday"),
        ("expires_at", "2020-01-01T00:00:00Z"),
        ("expires_at", "2027-01-01T00:00:00"),
        ("expires_at", "9999-12-31T23:59:59-12:00"),
        ("expires_at", "0001-01-01T00:00:00+14:00"),
        ("expires_at", "2199-01-01T00:00:00Z"),
        ("digest", "00"),
        ("tenant_id", "demo"),
        ("prefix", "aaaaaaaa"),
    ],
)
def test_a_field_that_does_not_fit_is_named_and_no_key_is_made(
    access: Access, tenant: str, admin: Headers, field: str, value: object
) -> None:
    answer = access.ask("POST", PATH, admin, WANTED | {field: value})
    assert answer.status_code == 400
    assert error(answer)["details"]["field"].removeprefix("body.") == field
    assert access.recorded(tenant) == []


def test_the_list_goes_on_by_cursor_and_shows_every_key_once(access: Access, tenant: str, admin: Headers) -> None:
    prefixes = {made(access, admin)["prefix"] for _ in range(4)} | {prefix_of(admin)}
    seen: list[str] = []
    query = "?limit=2"
    while query:
        page = access.ask("GET", f"{PATH}{query}", admin).json()
        seen += [key["prefix"] for key in page["keys"]]
        query = f"?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert len(seen) == 5
    assert set(seen) == prefixes


def test_a_cursor_of_another_tenant_or_of_nobody_is_refused(access: Access, admin: Headers) -> None:
    made(access, admin)
    cursor = access.ask("GET", f"{PATH}?limit=1", admin).json()["next_cursor"]
    other = access.key(Role.ADMIN, access.new_tenant())
    for text in (cursor, "e30", "%00", "a" * 513, "..%2F", cursor[:-4]):
        answer = access.ask("GET", f"{PATH}?cursor={text}", other)
        assert answer.status_code == 400
        assert "cursor" in error(answer)["message"] or "zero byte" in answer.text


def test_every_change_is_recorded_with_what_changed_and_without_secret_digest_or_label(
    access: Access, tenant: str, admin: Headers
) -> None:
    old = made(access, admin)
    new = access.ask("POST", f"{PATH}/{old['prefix']}/rotate", admin).json()
    access.ask("DELETE", f"{PATH}/{new['prefix']}", admin)
    recorded = access.recorded(tenant)
    assert [(row["event_type"], row["resource_type"], row["resource_id"]) for row in recorded] == [
        ("API_KEY_CREATED", "api_key", old["prefix"]),
        ("API_KEY_CREATED", "api_key", new["prefix"]),
        ("CONFIG_CHANGE", "api_key", old["prefix"]),
        ("API_KEY_REVOKED", "api_key", new["prefix"]),
    ]
    assert {row["actor_id"] for row in recorded} == {f"key:{prefix_of(admin)}"}
    assert recorded[0]["metadata"]["changes"]["role"] == {"old": None, "new": "developer"}
    assert recorded[2]["metadata"]["changes"]["replaced_by"] == {"old": None, "new": new["prefix"]}
    [digest] = access.rows("SELECT encode(digest, 'hex') AS hex FROM api_keys WHERE prefix = %s", old["prefix"])
    text = str(recorded)
    for secret in (old["key"].rsplit("_", 1)[1], new["key"].rsplit("_", 1)[1], digest["hex"], "render farm"):
        assert secret not in text


def test_what_cannot_be_recorded_is_not_done(
    access: Access, tenant: str, admin: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the chain is away")

    kept = made(access, admin)
    monkeypatch.setattr(chain, "append", broken)
    path = f"{PATH}/{kept['prefix']}"
    tries = [("POST", PATH, WANTED), ("POST", f"{path}/rotate", None), ("DELETE", path, None)]
    with structlog.testing.capture_logs():
        assert [access.ask(method, where, admin, body).status_code for method, where, body in tries] == [500, 500, 500]
    assert [row["prefix"] for row in access.rows(
        "SELECT prefix FROM api_keys WHERE tenant_id = %s AND revoked_at IS NULL AND prefix <> %s", tenant,
        prefix_of(admin))] == [kept["prefix"]]  # fmt: skip
    assert works(access, kept["key"])
