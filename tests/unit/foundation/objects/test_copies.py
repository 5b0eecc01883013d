# SPDX-License-Identifier: Apache-2.0
"""Objects as local files: the object's own file in a folder, elsewhere a copy that is of one version and is dropped."""

import os
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.copies import Copies
from ovpo.foundation.objects.errors import ObjectNotFoundError
from ovpo.foundation.objects.store import ObjectStore
from ovpo.foundation.settings import tree


class NoSigner:
    """Signs nothing, since no link is asked for here."""


def cloud(folder: Path, most_bytes: int = 1_000_000) -> Copies:
    """Stand in for a cloud by a store without files of its own."""
    store = ObjectStore(MemoryStore(), NoSigner(), lambda _: None, "memory")  # type: ignore[arg-type]
    return Copies(store, folder, most_bytes)


@pytest.fixture
def own(tmp_path: Path) -> Copies:
    return Copies(open_objects(tree.Objects(), tree.Query(), tmp_path), tmp_path / "copies")


def test_a_folder_store_lends_the_objects_own_file(own: Copies, tmp_path: Path) -> None:
    own.store.put("a/b.bin", b"content")
    assert own.file("a/b.bin") == tmp_path / "objects/a/b.bin"
    with pytest.raises(ObjectNotFoundError):
        own.file("a/c.bin")


def test_a_copy_keeps_its_name_and_is_made_once(tmp_path: Path) -> None:
    copies = cloud(tmp_path)
    copies.store.put("a/b.npy", b"content")
    first = copies.file("a/b.npy")
    assert (first.name, first.read_bytes()) == ("b.npy", b"content")
    inode = first.stat().st_ino
    assert copies.file("a/b.npy").stat().st_ino == inode


def test_an_object_that_was_replaced_is_copied_anew(tmp_path: Path) -> None:
    copies = cloud(tmp_path)
    copies.store.put("a", b"old")
    held = copies.file("a")
    copies.store.put("a", b"newer")
    assert copies.file("a").read_bytes() == b"newer"
    assert held.read_bytes() == b"old"


def test_the_copies_that_were_not_asked_for_longest_are_dropped(tmp_path: Path) -> None:
    copies = cloud(tmp_path, most_bytes=250)
    files = {}
    for age, key in enumerate("abc"):
        copies.store.put(key, key.encode() * 100)
        files[key] = copies.file(key)
        if key != "c":
            os.utime(files[key], (1000 + age, 1000 + age))
    assert [key for key, file in files.items() if file.exists()] == ["b", "c"]


def test_a_draft_is_gone_afterwards_even_when_writing_failed(own: Copies) -> None:
    kept = []

    def write() -> None:
        with own.draft(".mp4") as file:
            kept.append(file)
            file.write_bytes(b"half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="full"):
        write()
    assert not kept[0].exists()


def test_a_file_is_put_whole(own: Copies, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(os.urandom(3_000_000))
    own.put("videos/large.mp4", tmp_path / "large")
    assert own.store.get("videos/large.mp4") == (tmp_path / "large").read_bytes()
