# SPDX-License-Identifier: Apache-2.0
"""The watched folder: what it gives and when, and that nothing laid into it leads out of it."""

import json
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ovpo.sop.intake.beneath import opened_root
from ovpo.sop.intake.errors import ArrivalGoneError, InboxUnavailableError, IntakeError
from ovpo.sop.intake.folder import CLOCK, DEEPEST, FolderInbox, file_system_clock
from ovpo.sop.intake.found import Found
from ovpo.sop.intake.receipts import Fate, Receipt, refusal
from tests.conftest import scratch

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
NOBODY = 65_534


@pytest.fixture
def root() -> Iterator[Path]:
    with scratch() as folder:
        (folder / "inbox").mkdir()
        yield folder / "inbox"


@pytest.fixture
def inbox(root: Path) -> FolderInbox:
    return FolderInbox(root, settle_seconds=0)


def lay(root: Path, path: str, content: bytes = b"video") -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def later(seconds: float) -> Callable[[int], int]:
    """Give the file system's clock some time from now."""
    return lambda folder: file_system_clock(folder) + round(seconds * 1e9)


def pass_a_tick(root: Path) -> None:
    """Wait until the file system gives another time."""
    with opened_root(root) as folder:
        begin = file_system_clock(folder)
        while file_system_clock(folder) == begin:
            pass


def receipt(found: Found) -> Receipt:
    return Receipt(arrival=found.digest, state=Fate.PROBED, settled_at=NOW)


def only(inbox: FolderInbox) -> Found:
    (found,) = inbox.scan(10).found
    return found


def faults(inbox: FolderInbox) -> dict[str, str | None]:
    return {found.path: found.fault.code if found.fault else None for found in inbox.scan(100).found}


def slips(folder: Path) -> dict[str, Any]:
    return {file.name: json.loads(file.read_bytes()) for file in folder.rglob("*.json")}


@contextmanager
def as_nobody(*folders: Path) -> Iterator[None]:
    """Act as a user who is not root, to whom these folders and all above them are open."""
    for folder in folders:
        folder.chmod(0o777)
        for above in folder.parents:
            if not above.stat().st_mode & stat.S_IXOTH:
                above.chmod(stat.S_IMODE(above.stat().st_mode) | stat.S_IXGRP | stat.S_IXOTH)
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_files_come_in_the_order_of_their_last_change_and_not_more_than_asked_for(
    root: Path, inbox: FolderInbox
) -> None:
    for name in ("c", "a", "b"):
        lay(root, f"coffee/gold/{name}.mp4")
        pass_a_tick(root)
    assert [found.path for found in inbox.scan(2).found] == ["coffee/gold/c.mp4", "coffee/gold/a.mp4"]


def test_what_is_dealt_with_hidden_unfinished_or_a_receipt_is_not_looked_at(root: Path, inbox: FolderInbox) -> None:
    for path in (
        "processed/coffee/gold/a.mp4",
        "failed/a.mp4",
        ".hidden/coffee_gold.mp4",
        "coffee/.hidden.mp4",
        "coffee/gold/a.mp4.part",
        "coffee/gold/a.json",
        "coffee/gold/b.tmp",
        "coffee/gold/c.crdownload",
    ):
        lay(root, path)
    lay(root, "coffee/processed/a.mp4")
    assert [found.path for found in inbox.scan(10).found] == ["coffee/processed/a.mp4"]


def test_a_file_is_taken_only_once_it_has_stayed_the_same_for_long_enough(root: Path) -> None:
    file = lay(root, "coffee_gold.mp4", b"half")
    assert FolderInbox(root, 5).scan(10) == FolderInbox(root, 5, later(4)).scan(10)
    assert (FolderInbox(root, 5).scan(10).found, FolderInbox(root, 5).scan(10).growing) == ((), 1)
    half = only(FolderInbox(root, 5, later(6)))
    with file.open("ab") as copying:
        copying.write(b" and the rest")
    whole = only(FolderInbox(root, 5, later(6)))
    assert (half.size, whole.size) == (4, 17)
    assert half.digest != whole.digest


def test_times_that_a_sender_preserved_neither_hurry_nor_delay_a_file(root: Path) -> None:
    for name, moment in (("old", 0), ("future", 4_000_000_000)):
        os.utime(lay(root, f"{name}_gold.mp4"), (moment, moment))
    assert FolderInbox(root, 5).scan(10).growing == 2
    assert len(FolderInbox(root, 5, later(6)).scan(10).found) == 2


def test_time_is_the_file_systems_own(root: Path) -> None:
    lay(root, "coffee_gold.mp4")
    with opened_root(root) as folder:
        assert file_system_clock(folder) >= (root / "coffee_gold.mp4").stat().st_ctime_ns
    assert (root / CLOCK).stat().st_size == 0


def test_whatever_is_no_plain_file_is_found_with_its_fault(root: Path, inbox: FolderInbox, tmp_path: Path) -> None:
    outside = lay(tmp_path, "outside/secret_gold.mp4").parent
    (root / "link_gold.mp4").symlink_to(outside / "secret_gold.mp4")
    (root / "folder").symlink_to(outside)
    (root / "broken").symlink_to("nowhere")
    os.mkfifo(root / "pipe_gold.mp4")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(root / "s"))
    lay(root, "empty_gold.mp4", b"")
    lay(root, "a\nb_gold.mp4")
    lay(root, os.fsdecode(b"caf\xe9_gold.mp4"))
    assert faults(inbox) == {
        "link_gold.mp4": "link",
        "folder": "link",
        "broken": "link",
        "pipe_gold.mp4": "not_a_file",
        "s": "not_a_file",
        "empty_gold.mp4": "empty",
        "a\nb_gold.mp4": "bad_name",
        os.fsdecode(b"caf\xe9_gold.mp4"): "bad_name",
    }


def test_what_has_a_fault_is_moved_itself_and_what_links_name_is_never_touched(
    root: Path, inbox: FolderInbox, tmp_path: Path
) -> None:
    secret = lay(tmp_path, "outside/secret_gold.mp4")
    lay(root, "coffee/gold/real.mp4")
    (root / "coffee/gold/link.mp4").symlink_to(secret)
    (root / "coffee/folder").symlink_to(secret.parent)
    os.mkfifo(root / "pipe")
    lay(root, os.fsdecode(b"caf\xe9_gold.mp4"))
    for found in inbox.scan(10).found:
        if found.fault:
            inbox.refuse(found, refusal(found, found.fault, NOW))
    assert faults(inbox) == {"coffee/gold/real.mp4": None}
    assert (root / "failed/coffee/gold/link.mp4").readlink() == secret
    assert (root / "failed/coffee/folder").is_symlink()
    assert stat.S_ISFIFO((root / "failed/pipe").stat().st_mode)
    assert secret.read_bytes() == b"video"
    assert [file.name for file in secret.parent.iterdir()] == ["secret_gold.mp4"]
    assert slips(root / "failed/coffee")["link.mp4.json"]["reason_code"] == "link"
    assert (root / os.fsdecode(b"failed/caf\xe9_gold.mp4.json")).exists()


def test_folders_that_lie_too_deep_are_refused_as_a_whole(root: Path, inbox: FolderInbox) -> None:
    deep = "/".join("d" * (DEEPEST + 1))
    lay(root, f"{deep}/coffee_gold.mp4")
    found = only(inbox)
    assert (found.path, found.fault and found.fault.code) == (deep, "too_deep")
    inbox.refuse(found, receipt(found))
    assert (root / "failed" / deep / "coffee_gold.mp4").exists()


@pytest.mark.parametrize("path", ["../outside_gold.mp4", "coffee/../../outside_gold.mp4", "..", "", "/etc/passwd"])
def test_a_path_that_leads_out_of_the_inbox_is_no_file_of_it(path: str, inbox: FolderInbox, tmp_path: Path) -> None:
    lay(tmp_path, "outside_gold.mp4")
    assert inbox.look(path) is None


def test_a_folder_that_becomes_a_link_after_the_look_is_not_followed(
    root: Path, inbox: FolderInbox, tmp_path: Path
) -> None:
    file = lay(root, "coffee/gold/a.mp4")
    found = only(inbox)
    outside = tmp_path / "outside"
    (root / "coffee").rename(outside)
    (root / "coffee").symlink_to(outside)
    assert inbox.look(found.path) is None
    with pytest.raises(ArrivalGoneError):
        list(inbox.open(found))
    inbox.accept(found, receipt(found))
    assert (outside / "gold/a.mp4").exists()
    assert not file.is_symlink()
    assert not slips(root)


def test_a_file_is_read_whole_and_one_that_changes_while_it_is_read_is_given_up(root: Path, inbox: FolderInbox) -> None:
    file = lay(root, "coffee_gold.mp4", b"x" * 3_000_000)
    found = only(inbox)
    assert b"".join(inbox.open(found)) == b"x" * 3_000_000
    reading = inbox.open(found)
    next(reading)
    with file.open("ab") as copying:
        copying.write(b"more")
    with pytest.raises(ArrivalGoneError):
        list(reading)
    assert sum(map(len, inbox.open(only(inbox)))) == 3_000_004
    file.unlink()
    with pytest.raises(ArrivalGoneError):
        list(inbox.open(found))


def test_an_accepted_file_lies_under_its_path_with_a_receipt_beside_it(root: Path, inbox: FolderInbox) -> None:
    lay(root, "coffee/gold/a.mp4", b"one")
    found = only(inbox)
    inbox.accept(found, receipt(found))
    assert (root / "processed/coffee/gold/a.mp4").read_bytes() == b"one"
    assert slips(root / "processed")["a.mp4.json"]["arrival"] == found.digest
    assert inbox.scan(10).found == ()


def test_the_same_name_again_gets_a_mark_and_neither_file_nor_receipt_is_lost(root: Path, inbox: FolderInbox) -> None:
    marks = []
    for content in (b"one", b"two!", b"three"):
        lay(root, "coffee_gold.mp4", content)
        found = only(inbox)
        marks.append(found.digest[:8])
        inbox.accept(found, receipt(found))
    kept = {file.name: file.read_bytes() for file in (root / "processed").glob("*.mp4")}
    assert kept == {
        "coffee_gold.mp4": b"one",
        f"coffee_gold~{marks[1]}.mp4": b"two!",
        f"coffee_gold~{marks[2]}.mp4": b"three",
    }
    assert set(slips(root / "processed")) == {f"{name}.json" for name in kept}


def test_a_move_that_was_cut_off_after_its_receipt_ends_at_the_same_place(
    root: Path, inbox: FolderInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(root, "coffee_gold.mp4")
    found = only(inbox)
    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            inbox.accept(found, receipt(found))
    assert (root / "coffee_gold.mp4").exists()
    inbox.accept(found, receipt(found))
    inbox.accept(found, receipt(found))
    assert sorted(file.name for file in (root / "processed").iterdir()) == ["coffee_gold.mp4", "coffee_gold.mp4.json"]


def test_a_file_that_took_the_place_of_another_is_not_moved_in_its_name(root: Path, inbox: FolderInbox) -> None:
    lay(root, "coffee_gold.mp4", b"one")
    found = only(inbox)
    lay(root, "coffee_gold.mp4", b"another")
    inbox.accept(found, receipt(found))
    assert (root / "coffee_gold.mp4").read_bytes() == b"another"
    assert not slips(root)


def test_names_of_255_bytes_are_kept(root: Path, inbox: FolderInbox) -> None:
    name = "ü" * 121 + "_gold-2.mp4" + "é"
    assert len(name.encode()) == 255
    lay(root, f"coffee/gold/{name}")
    found = only(inbox)
    inbox.accept(found, receipt(found))
    assert (root / "processed/coffee/gold" / name).exists()
    assert [one["arrival"] for one in slips(root / "processed").values()] == [found.digest]


def test_what_was_planted_where_files_are_moved_to_leads_nowhere(
    root: Path, inbox: FolderInbox, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "processed").mkdir()
    (root / "processed/coffee").symlink_to(outside)
    lay(root, "coffee/gold/a.mp4")
    found = only(inbox)
    inbox.accept(found, receipt(found))
    assert list(outside.iterdir()) == []
    assert (root / "processed/a.mp4").exists()
    (root / "failed").symlink_to(outside)
    lay(root, "b_gold.mp4")
    with pytest.raises(InboxUnavailableError, match="folder failed of the inbox"):
        inbox.refuse(only(inbox), receipt(found))


def test_unreadable_files_and_folders_are_a_fault_of_theirs_and_of_nobody_else(root: Path, inbox: FolderInbox) -> None:
    lay(root, "a_gold.mp4").chmod(0o000)
    lay(root, "closed/b_gold.mp4").parent.chmod(0o000)
    lay(root, "c_gold.mp4").chmod(0o644)
    with as_nobody(root):
        seen = {found.path: found for found in inbox.scan(10).found}
        assert {path: found.fault and found.fault.code for path, found in seen.items()} == {
            "a_gold.mp4": None,
            "closed": "not_readable",
            "c_gold.mp4": None,
        }
        with pytest.raises(IntakeError, match="let the user that OVPO runs as read it"):
            list(inbox.open(seen["a_gold.mp4"]))
        assert list(inbox.open(seen["c_gold.mp4"])) == [b"video"]
        inbox.refuse(seen["a_gold.mp4"], receipt(seen["a_gold.mp4"]))
    assert (root / "failed/a_gold.mp4").exists()
    (root / "closed").chmod(0o755)


def test_a_file_that_may_not_be_moved_says_so_and_stays(root: Path, inbox: FolderInbox) -> None:
    lay(root, "closed/b_gold.mp4")
    with as_nobody(root):
        found = only(inbox)
        with pytest.raises(IntakeError, match="may not be moved"):
            inbox.accept(found, receipt(found))
    assert (root / "closed/b_gold.mp4").exists()


def test_an_inbox_that_is_gone_or_may_not_be_written_is_an_outage(tmp_path: Path, root: Path) -> None:
    with pytest.raises(InboxUnavailableError, match="OVPO_SOP__INBOX"):
        FolderInbox(tmp_path / "none", 0).scan(10)
    (root / CLOCK).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InboxUnavailableError, match="remove what bears that name"):
        FolderInbox(root, 0).scan(10)
    assert not (tmp_path / "elsewhere").exists()


def test_everything_an_inbox_opened_is_closed_again(root: Path, inbox: FolderInbox) -> None:
    for number in range(5):
        lay(root, f"coffee/gold/{number}.mp4")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for found in inbox.scan(10).found:
        list(inbox.open(found))
        inbox.accept(found, receipt(found))
    assert len(list(Path("/proc/self/fd").iterdir())) == before
