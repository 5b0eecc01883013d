# SPDX-License-Identifier: Apache-2.0
"""What every object store must do, told through the interface against a folder, a GCS server and an S3 server."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from ovpo.foundation.objects.errors import (
    ObjectNotFoundError,
    ObjectRangeError,
    ObjectStoreError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ovpo.foundation.objects.store import ObjectStore
    from tests.integration.objects.conftest import Rig

MEGABYTE = 1024 * 1024
KEYS = ["a", "reports/2026/09/r-1.pdf", "a b/ü (1)+%20#x?.txt", ".hidden/x", "x" * 240]


def keys(store: ObjectStore, prefix: str = "") -> list[str]:
    return sorted(info.key for info in store.list(prefix))


@pytest.mark.parametrize("key", KEYS)
def test_what_is_put_is_read_back(store: ObjectStore, key: str) -> None:
    store.put(key, b"\x00hello\xff")
    assert store.get(key) == b"\x00hello\xff"
    assert b"".join(store.stream(key)) == b"\x00hello\xff"
    assert keys(store) == [key]
    assert store.exists(key)


def test_an_object_may_be_empty(store: ObjectStore) -> None:
    store.put("empty", b"")
    assert store.get("empty") == b""
    assert b"".join(store.stream("empty")) == b""
    assert store.head("empty").size == 0


def test_an_object_may_come_from_a_stream_of_any_length(store: ObjectStore) -> None:
    chunks = [bytes([number]) * (3 * MEGABYTE) for number in range(5)]
    store.put("film", iter(chunks))
    assert store.head("film").size == 15 * MEGABYTE
    assert b"".join(store.stream("film")) == b"".join(chunks)
    assert store.get_range("film", 3 * MEGABYTE - 1, 3 * MEGABYTE + 1) == b"\x00\x01"
    store.put("nothing", iter(()))
    assert store.get("nothing") == b""


def test_a_stream_that_breaks_leaves_the_old_object_and_its_own_error(store: ObjectStore) -> None:
    def broken(failure: Exception) -> Iterator[bytes]:
        yield b"x" * (6 * MEGABYTE)
        raise failure

    store.put("kept", b"old")
    for failure in (RuntimeError("the camera fell"), FileNotFoundError("no such clip"), ValueError("bad frame")):
        with pytest.raises(type(failure)) as raised:
            store.put("kept", broken(failure))
        assert raised.value is failure
        with pytest.raises(type(failure)):
            store.put("never", broken(failure))
    assert store.get("kept") == b"old"
    assert keys(store) == ["kept"]


def test_a_reader_never_sees_half_an_object(store: ObjectStore) -> None:
    sizes = (7 * MEGABYTE, 9 * MEGABYTE)
    store.put("swapped", b"0" * sizes[0])
    written = threading.Event()

    def write() -> None:
        for turn in range(1, 5):
            size = sizes[turn % 2]
            store.put("swapped", (str(turn).encode() * MEGABYTE for _ in range(size // MEGABYTE)))
        written.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = []
    while not written.is_set():
        data = store.get("swapped")
        seen.append((len(set(data)), len(data)))
    writer.join()
    assert set(seen) <= {(1, size) for size in sizes}


def test_a_later_object_replaces_an_earlier_one(store: ObjectStore) -> None:
    store.put("report", b"first, and longer")
    store.put("report", b"second")
    assert store.get("report") == b"second"
    assert [info.size for info in store.list()] == [6]


def test_head_tells_size_and_age(store: ObjectStore) -> None:
    store.put("report", b"12345")
    info = store.head("report")
    assert (info.key, info.size) == ("report", 5)
    assert abs(datetime.now(UTC) - info.modified) < timedelta(minutes=5)


def test_a_range_ends_where_the_object_ends(store: ObjectStore) -> None:
    store.put("digits", b"0123456789")
    assert store.get_range("digits", 0, 1) == b"0"
    assert store.get_range("digits", 3, 6) == b"345"
    assert store.get_range("digits", 8, 100) == b"89"
    for start, end in ((10, 11), (99, 100), (3, 3), (5, 2), (-1, 4)):
        with pytest.raises(ObjectRangeError):
            store.get_range("digits", start, end)


def test_what_is_not_there_is_said_to_be_missing(store: ObjectStore) -> None:
    store.put("folder/file", b"x")
    for key in ("nothing", "folder", "folder/file/below"):
        assert not store.exists(key)
        with pytest.raises(ObjectNotFoundError, match=key):
            store.get(key)
        with pytest.raises(ObjectNotFoundError):
            next(store.stream(key))
        with pytest.raises(ObjectNotFoundError):
            store.get_range(key, 0, 1)
        with pytest.raises(ObjectNotFoundError):
            store.head(key)


def test_deleting_twice_is_as_good_as_once(store: ObjectStore) -> None:
    store.put("folder/file", b"x")
    store.put("folder/other", b"x")
    for key in ("folder/file", "folder/file", "nothing", "folder"):
        store.delete(key)
    assert keys(store) == ["folder/other"]
    assert not store.exists("folder/file")


def test_a_listing_goes_by_whole_segments_and_over_pages(rig: Rig, store: ObjectStore) -> None:
    names = [f"runs/{number:04}" for number in range(1100)] if rig.kind == "folder" else ["runs/1", "runs/2/x"]
    for name in names:
        store.put(name, b"")
    store.put("runs-other/1", b"")
    assert keys(store, "runs") == keys(store, "runs/") == sorted(names)
    assert keys(store, "run") == []
    assert len(keys(store)) == len(names) + 1


@pytest.mark.parametrize("key", ["", "/a", "a//b", "a/", "../a", "a/../b", "a/./b", "a\x00b", "a\nb", "x" * 1025])
def test_a_key_that_could_leave_the_store_is_refused_everywhere(store: ObjectStore, key: str) -> None:
    for call in (store.get, store.head, store.exists, store.delete, lambda key: next(store.stream(key))):
        with pytest.raises(ObjectStoreError, match="object key"):
            call(key)
    with pytest.raises(ObjectStoreError, match="object key"):
        store.put(key, b"")
    with pytest.raises(ObjectStoreError, match="object key"):
        store.get_range(key, 0, 1)
    with pytest.raises(ObjectStoreError, match="object key"):
        store.sign(key, timedelta(minutes=1))
    assert keys(store) == []


def test_two_prefixes_do_not_see_each_other(rig: Rig, store: ObjectStore) -> None:
    store.put("mine", b"x")
    url = f"{rig.objects.url.rstrip('/')}-other" if rig.objects.url else (rig.home / "other").as_uri()
    assert keys(rig.open(url=url)) == []


def test_a_ready_store_says_so(store: ObjectStore) -> None:
    store.ready()


@pytest.mark.parametrize("rig", ["gcs", "s3"], indirect=True)
def test_a_signed_link_of_a_cloud_opens_the_object(
    rig: Rig, service_accounts: tuple[object, object], store: ObjectStore
) -> None:
    store.put("reports/r 1.pdf", b"report")
    signing = rig.open(service_account=service_accounts[1])
    link = signing.sign("reports/r 1.pdf", timedelta(seconds=90))
    assert httpx.get(link).content == b"report"
    assert "Expires=90" in link
    assert not signing.verify("reports/r 1.pdf", 2**40, "0" * 64, datetime.now(UTC))
