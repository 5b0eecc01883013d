# SPDX-License-Identifier: Apache-2.0
"""The file of an upload: hashed while it grows, bounded, refused early, gone afterwards; leftovers are swept."""

import os
import time
from hashlib import sha256
from pathlib import Path

import pytest

from ovpo.foundation.http.errors import ApiError
from ovpo.foundation.unavailable import StoreUnavailableError
from ovpo.sop.api.receiving import STALE_SECONDS, sweep
from ovpo.sop.api.spool import Spool
from ovpo.sop.video.sniffing import HEAD, Container

AVI = b"RIFF\0\0\0\0AVI " + b"\1" * 9000


def test_what_was_written_is_hashed_and_named_by_its_content(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 10_000)
    for at in range(0, len(AVI), 100):
        spool.write(AVI[at : at + 100])
    whole = spool.finish()
    assert (whole.sha256, whole.bytes, whole.container) == (sha256(AVI).hexdigest(), len(AVI), Container.AVI)
    assert whole.path.read_bytes() == AVI
    spool.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_byte_too_many_is_refused(tmp_path: Path) -> None:
    spool = Spool(tmp_path, len(AVI))
    spool.write(AVI)
    with pytest.raises(ApiError, match="more than the 9012 bytes"):
        spool.write(b"\1")


def test_what_is_no_video_is_refused_by_its_first_bytes(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1_000_000)
    assert spool.wants == HEAD
    with pytest.raises(ApiError) as refused:
        spool.write(b"\x89PNG\r\n\x1a\n" + b"\0" * HEAD)
    assert refused.value.fault.code.status == 415
    assert str(tmp_path) not in refused.value.fault.message


def test_a_disk_that_takes_nothing_is_the_services_fault_and_not_the_clients(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailableError, match="disk of OVPO_HOME"):
        Spool(tmp_path / "file", 10)


def test_only_what_a_killed_process_left_long_ago_is_swept(tmp_path: Path) -> None:
    old, young, growing = (Spool(tmp_path, 10_000) for _ in range(3))
    before = time.time() - STALE_SECONDS - 60
    for spool, is_old in ((old, True), (young, False), (growing, True)):
        for file in (spool.folder / "file", spool.folder):
            os.utime(file, (before, before) if is_old else None)
        if spool is growing:
            os.utime(spool.folder / "file")
    sweep(tmp_path)
    assert {folder.name for folder in tmp_path.iterdir()} == {young.folder.name, growing.folder.name}
