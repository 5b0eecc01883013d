# SPDX-License-Identifier: Apache-2.0
"""Files of a folder that others write: read as they are, and never through anything that leads out of it."""

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import psutil
import pytest
from pydantic import SecretStr

from ovpo.foundation.objects.connect import folder_signer, open_objects
from ovpo.foundation.objects.errors import ObjectChangedError, ObjectNotFoundError, ObjectRangeError, ObjectStoreError
from ovpo.foundation.objects.folder import FolderFiles, open_beneath
from ovpo.foundation.settings import tree

PATH = "/v1/files/"
SETTINGS = tree.Objects(signing_key=SecretStr("of the test"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a file, a secret beside it, and everything that could lead from one to the other."""
    (tmp_path / "secret").write_text("secret")
    root = tmp_path / "renders"
    (root / "a").mkdir(parents=True)
    (root / "a" / "film.mp4").write_bytes(b"0123456789")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "inner").symlink_to(root / "a" / "film.mp4")
    (root / "up").symlink_to(tmp_path)
    (root / "loop").symlink_to(root / "loop")
    os.mkfifo(root / "pipe")
    (root / "device").symlink_to("/dev/zero")
    return root


def files(root: Path) -> FolderFiles:
    def find(key: str) -> tuple[Path, Sequence[str]] | None:
        return None if key.startswith("closed") else (root, key.split("/"))

    return FolderFiles(folder_signer(SETTINGS, tree.Query(), PATH), find)


def test_a_file_is_read_whole_and_in_parts(root: Path) -> None:
    opened = files(root)
    known = opened.head("a/film.mp4")
    assert known.size == 10
    assert b"".join(opened.read("a/film.mp4")) == b"0123456789"
    assert b"".join(opened.read("a/film.mp4", slice(2, 5), known.etag)) == b"234"
    for start, stop in ((10, 11), (3, 3), (-1, 2)):
        with pytest.raises(ObjectRangeError):
            opened.read("a/film.mp4", slice(start, stop))


def test_a_file_that_was_replaced_is_another_one(root: Path) -> None:
    opened = files(root)
    known = opened.head("a/film.mp4")
    (root / "a" / "film.mp4").unlink()
    (root / "a" / "film.mp4").write_bytes(b"9876543210")
    with pytest.raises(ObjectChangedError):
        opened.read("a/film.mp4", None, known.etag)


@pytest.mark.parametrize(
    "key",
    [
        *(
            "link",
            "inner",
            "up/secret",
            "up/renders/a/film.mp4",
            "loop",
            "pipe",
            "device",
            "a",
            "nothing",
            "a/film.mp4/x",
        ),
        *(
            "",
            "..",
            "../secret",
            "a/../../secret",
            "a//film.mp4",
            "./a/film.mp4",
            "a/film.mp4\0",
            "x" * 300,
            "closed/x",
        ),
    ],
)
def test_what_leads_elsewhere_or_is_no_plain_file_is_not_there(root: Path, key: str) -> None:
    for look in (files(root).head, files(root).read):
        with pytest.raises(ObjectNotFoundError):
            look(key)


def test_a_folder_that_becomes_a_link_while_it_is_entered_leads_nowhere(root: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "film.mp4").write_text("secret")
    (root / "a").rename(root / "b")
    (root / "a").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match=r"directory|symbolic"):
        open_beneath(root, ["a", "film.mp4"])
    with open_beneath(root, ["b", "film.mp4"]) as file:
        assert file.read() == b"0123456789"


def test_nothing_stays_open(root: Path) -> None:
    opened, process = files(root), psutil.Process()
    before = process.num_fds()
    for key in ("a/film.mp4", "link", "pipe", "a", "up/secret"):
        for look in (opened.head, opened.read, lambda key: list(opened.read(key))):
            with suppress(ObjectStoreError):
                look(key)
    assert process.num_fds() == before


def test_a_link_to_a_file_opens_no_object_of_the_own_store_and_none_of_it_a_file(root: Path, tmp_path: Path) -> None:
    opened, own = files(root), open_objects(SETTINGS, tree.Query(), tmp_path / "home")
    [link] = opened.sign_all(["a/film.mp4"], timedelta(minutes=1))
    assert unquote(urlsplit(link).path) == "/v1/files/a/film.mp4"

    def proof(link: str) -> tuple[int, str, datetime]:
        query = parse_qs(urlsplit(link).query)
        return int(query["expires"][0]), query["signature"][0], datetime.now(UTC)

    assert opened.verify("a/film.mp4", *proof(link))
    assert not own.verify("a/film.mp4", *proof(link))
    assert not opened.verify("a/film.mp4", *proof(own.sign("a/film.mp4", timedelta(minutes=1))))
