# SPDX-License-Identifier: Apache-2.0
"""Files lie where their URIs say, whole."""

import hashlib
from pathlib import Path

import pytest

from examples.pipelines.shelf import Shelf
from ovpo.telemetry.artifacts.uris import location


def test_a_folders_files_are_referred_to_by_where_they_are(tmp_path: Path) -> None:
    stored = Shelf.of_folder(tmp_path / "with space").below("run").write("thumbnails/1.jpg", b"picture")
    assert stored.path == tmp_path / "with space" / "run" / "thumbnails" / "1.jpg"
    assert stored.path.read_bytes() == b"picture"
    assert stored.uri == stored.path.as_uri()
    assert (stored.sha256, stored.size_bytes) == (hashlib.sha256(b"picture").hexdigest(), 7)


def test_an_object_of_a_store_lies_under_the_key_that_the_server_reads_in_its_uri(tmp_path: Path) -> None:
    stored = Shelf.of_store(tmp_path, "acme").below("run").write("video.mp4", b"video")
    assert stored.uri == "ovpo://tenants/acme/examples/run/video.mp4"
    assert (tmp_path / location(stored.uri).key).read_bytes() == b"video"


def test_a_relative_folder_gives_a_whole_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Shelf.of_folder(Path("out")).write("a", b"").uri == (tmp_path / "out" / "a").as_uri()


def test_a_write_that_fails_leaves_the_file_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf.of_folder(tmp_path)
    shelf.write("video.mp4", b"old")

    def full(path: Path, data: bytes) -> int:
        path.open("wb").write(data[:1])
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space"):
        shelf.write("video.mp4", b"new")
    assert (tmp_path / "video.mp4").read_bytes() == b"old"
    left = {path.name for path in tmp_path.iterdir()} - {"video.mp4"}
    assert all(name.rpartition("#")[2].isdigit() for name in left)
