# SPDX-License-Identifier: Apache-2.0
"""Stores that are away, refuse us, or are set up wrongly; and what only a folder promises."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from pydantic import SecretStr

from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.errors import (
    ObjectAccessDeniedError,
    ObjectStoreError,
    ObjectStoreUnavailableError,
)
from ovpo.foundation.settings import tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ovpo.foundation.objects.store import ObjectStore

NOWHERE = "http://127.0.0.1:1"


def folder(home: Path, **given: object) -> ObjectStore:
    objects = tree.Objects.model_validate({"signing_key": SecretStr("of the test"), **given})
    return open_objects(objects, tree.Query(port=8123), home)


def s3(endpoint: str, home: Path) -> ObjectStore:
    objects = tree.Objects(
        url="s3://artifacts", endpoint=endpoint, access_key_id="ovpo", secret_access_key=SecretStr("s3cret")
    )
    return open_objects(objects, tree.Query(), home)


def gcs(endpoint: str, account: Path, home: Path) -> ObjectStore:
    objects = tree.Objects(url="gs://artifacts", endpoint=endpoint, service_account=account)
    return open_objects(objects, tree.Query(), home)


CALLS: list[Callable[[ObjectStore], object]] = [
    lambda store: store.get("x"),
    lambda store: store.put("x", b""),
    lambda store: store.put("x", iter([b""])),
    lambda store: store.head("x"),
    lambda store: store.exists("x"),
    lambda store: store.delete("x"),
    lambda store: list(store.stream("x")),
    lambda store: store.get_range("x", 0, 1),
]


def test_a_cloud_that_is_away_is_unavailable(service_accounts: tuple[Path, Path], tmp_path: Path) -> None:
    for store in (s3(NOWHERE, tmp_path), gcs(NOWHERE, service_accounts[0], tmp_path)):
        for call in (CALLS[0], CALLS[1], lambda store: store.ready(), lambda store: list(store.list())):
            with pytest.raises(ObjectStoreUnavailableError):
                call(store)


def test_a_cloud_that_refuses_us_says_where_to_look(
    refusing_url: str, service_accounts: tuple[Path, Path], tmp_path: Path
) -> None:
    for store in (s3(refusing_url, tmp_path), gcs(refusing_url, service_accounts[0], tmp_path)):
        for call in CALLS:
            with pytest.raises(ObjectAccessDeniedError, match="OVPO_OBJECTS"):
                call(store)
        with pytest.raises(ObjectStoreError, match="403"):
            store.ready()


def test_a_bucket_that_is_not_there_is_not_ready(s3_url: str, tmp_path: Path) -> None:
    objects = tree.Objects(
        url="s3://nobody", endpoint=s3_url, access_key_id="ovpo", secret_access_key=SecretStr("s3cret")
    )
    with pytest.raises(ObjectStoreError):
        open_objects(objects, tree.Query(), tmp_path).ready()


def test_the_default_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder(tmp_path / "home").put("a/b", b"x")
    assert stat.S_IMODE((tmp_path / "home" / "objects").stat().st_mode) == 0o700
    assert (tmp_path / "home" / "objects" / "a" / "b").read_bytes() == b"x"


def test_a_folder_says_why_it_cannot_hold_an_object_and_others_below_it(tmp_path: Path) -> None:
    store = folder(tmp_path)
    store.put("a/b", b"x")
    for key in ("a", "a/b/c"):
        with pytest.raises(ObjectStoreError, match="cannot hold") as raised:
            store.put(key, b"y")
        assert not isinstance(raised.value, ObjectStoreUnavailableError)
    assert store.get("a/b") == b"x"


def test_a_folder_may_lie_elsewhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "my artifacts"
    folder(tmp_path / "home", url=elsewhere.as_uri()).put("a", b"x")
    assert (elsewhere / "a").read_bytes() == b"x"


def test_a_folder_that_is_gone_is_not_ready(tmp_path: Path) -> None:
    store = folder(tmp_path)
    (tmp_path / "objects").rmdir()
    with pytest.raises(ObjectStoreUnavailableError, match="is gone"):
        store.ready()


def test_a_folder_that_cannot_be_made_names_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ObjectStoreUnavailableError, match="OVPO_OBJECTS__URL"):
        folder(tmp_path / "file")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"url": "file://host/folder"}, "OVPO_OBJECTS__URL"),
        ({"url": "s3://"}, "OVPO_OBJECTS__URL"),
        ({"url": "gs://user@bucket"}, "OVPO_OBJECTS__URL"),
        ({"url": "s3://bucket", "access_key_id": "only"}, "OVPO_OBJECTS__ACCESS_KEY_ID"),
        ({"url": "gs://bucket", "service_account": "/nowhere/account.json"}, "OVPO_OBJECTS__SERVICE_ACCOUNT"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, given: dict[str, object], named: str) -> None:
    with pytest.raises(ObjectStoreError, match=named):
        folder(tmp_path, **given)


@pytest.mark.parametrize(
    ("given", "start"),
    [
        ({}, "http://127.0.0.1:8123/v1/objects/"),
        ({"public_url": "https://ovpo.example/api/"}, "https://ovpo.example/api/v1/objects/"),
    ],
)
def test_a_link_to_a_folder_leads_to_the_query_api_and_back(tmp_path: Path, given: dict[str, str], start: str) -> None:
    store, key = folder(tmp_path, **given), "reports/r 1?.pdf"
    link = store.sign(key, timedelta(minutes=5))
    assert link.startswith(start)
    assert unquote(urlsplit(link).path).endswith(key)
    query = parse_qs(urlsplit(link).query)
    expires, signature, now = int(query["expires"][0]), query["signature"][0], datetime.now(UTC)
    assert store.verify(key, expires, signature, now)
    assert not store.verify(key, expires, signature, now + timedelta(minutes=6))
    assert not store.verify("reports/r 2?.pdf", expires, signature, now)
    assert not folder(tmp_path, signing_key=SecretStr("another")).verify(key, expires, signature, now)


def test_without_a_signing_key_nothing_is_signed_and_nothing_is_valid(tmp_path: Path) -> None:
    store = folder(tmp_path, signing_key=SecretStr(""))
    with pytest.raises(ObjectStoreError, match="OVPO_OBJECTS__SIGNING_KEY"):
        store.sign("a", timedelta(minutes=5))
    assert not store.verify("a", 2**40, "", datetime.now(UTC))


@pytest.mark.parametrize("life", [timedelta(0), timedelta(seconds=-5), timedelta(days=8)])
def test_a_link_lives_between_a_second_and_a_week(tmp_path: Path, s3_url: str, life: timedelta) -> None:
    for store in (folder(tmp_path), s3(s3_url, tmp_path)):
        with pytest.raises(ObjectStoreError, match="7 days"):
            store.sign("a", life)
