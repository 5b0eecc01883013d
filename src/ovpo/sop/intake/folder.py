# SPDX-License-Identifier: Apache-2.0
"""A watched folder of this machine or of a network share. What is moved is a name, never what a link leads to."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from heapq import nsmallest
from pathlib import Path
from typing import Final

from ovpo.sop.intake import receipts
from ovpo.sop.intake.beneath import FILE, opened_folder, opened_root, translated
from ovpo.sop.intake.errors import ArrivalGoneError, InboxUnavailableError, IntakeError
from ovpo.sop.intake.found import FAILED, OURS, PROCESSED, Found, Scan, is_passed_over, name_fault
from ovpo.sop.intake.receipts import Receipt

CLOCK: Final = ".ovpo-clock"
DEEPEST: Final = 16
CHUNK_BYTES: Final = 1024 * 1024
_MOST_RECEIPT_BYTES: Final = 65_536
Clock = Callable[[int], int]
"""Nanoseconds as the file system of an open folder counts them."""


def file_system_clock(folder: int) -> int:
    """Ask the file system itself: the clock of a network share need not be ours, and files bear its times."""
    probe = os.open(CLOCK, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        os.utime(probe)
        return os.fstat(probe).st_ctime_ns
    finally:
        os.close(probe)


class FolderInbox:
    """A folder that others lay videos into."""

    def __init__(self, root: Path, settle_seconds: float, clock: Clock = file_system_clock) -> None:
        self._root = root
        self._settle_ns = round(settle_seconds * 1e9)
        self._clock = clock

    def scan(self, most: int) -> Scan:
        """Give what has stopped changing, the longest unchanged first, at most so many."""
        growing = 0

        def settled() -> Iterator[Found]:
            nonlocal growing
            for found, changed_ns in _walk(root, "", now):
                if now - changed_ns >= self._settle_ns:
                    yield found
                else:
                    growing += 1

        with opened_root(self._root) as root:
            now = self._now(root)
            chosen = nsmallest(most, settled(), key=lambda found: (found.changed_ns, found.path))
        return Scan(tuple(chosen), growing)

    def look(self, path: str) -> Found | None:
        """Look at one plain file, settled or not; None where there is none."""
        try:
            with translated("not_readable"), self._folder_of(path) as (_, folder, name):
                facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except ArrivalGoneError:
            return None
        return _found(path, facts) if stat.S_ISREG(facts.st_mode) else None

    def open(self, found: Found) -> Iterator[bytes]:
        """Read a file piece by piece; raise ArrivalGoneError unless it is the one that was found, to its end."""
        with translated("not_readable"), self._folder_of(found.path) as (_, folder, name), ExitStack() as opened:
            file = os.open(name, FILE, dir_fd=folder)
            opened.callback(os.close, file)
            _check_same(found, os.fstat(file))
            # No further than it was long: the end of what is written without pause is never reached.
            left = found.size
            while left > 0 and (piece := os.read(file, min(left, CHUNK_BYTES))):
                left -= len(piece)
                yield piece
            _check_same(found, os.fstat(file))

    def accept(self, found: Found, receipt: Receipt) -> None:
        """Move a file to `processed`, with its receipt; what is there no more, or is another, stays as it is."""
        self._move(found, receipt, PROCESSED)

    def refuse(self, found: Found, receipt: Receipt) -> None:
        """Move a file, folder or link to `failed`, with its receipt; a link is moved itself, never what it names."""
        self._move(found, receipt, FAILED)

    def _move(self, found: Found, receipt: Receipt, top: str) -> None:
        """Write the receipt, then move the file: cut off in between, a repeat knows its own receipt again."""
        try:
            with translated("not_movable"), self._folder_of(found.path) as (root, folder, name):
                facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if not _is_same(found, facts):
                    return
                with _target(root, [top, *found.path.split("/")[:-1]]) as target:
                    file, slip = _place(target, found)
                    _write(target, slip, receipts.encoded(receipt))
                    os.rename(name, file, src_dir_fd=folder, dst_dir_fd=target)
        except ArrivalGoneError:
            return

    def _now(self, root: int) -> int:
        try:
            return self._clock(root)
        except OSError as error:
            raise InboxUnavailableError(
                f"inbox {self._root}: its file {CLOCK} cannot be written ({error.strerror}); let the user that OVPO "
                "runs as write in the inbox, and remove what bears that name"
            ) from error

    @contextmanager
    def _folder_of(self, path: str) -> Iterator[tuple[int, int, str]]:
        *names, name = path.split("/")
        if name in {"", ".", ".."}:
            raise ArrivalGoneError
        with opened_root(self._root) as root, opened_folder(root, names) as folder:
            yield root, folder, name


def _walk(folder: int, above: str, now: int, depth: int = 0) -> Iterator[tuple[Found, int]]:
    """Give everything below a folder that is no folder itself, each with when it changed last."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_passed_over(entry.name) or (not above and entry.name in OURS):
                continue
            path = f"{above}{entry.name}"
            try:
                facts = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            fault = _fault(path, facts)
            if stat.S_ISDIR(facts.st_mode) and depth < DEEPEST:
                try:
                    with opened_folder(folder, [entry.name]) as inner:
                        yield from _walk(inner, f"{path}/", now, depth + 1)
                    continue
                except PermissionError:
                    fault = IntakeError(
                        "not_readable", "the folder may not be read; let the user that OVPO runs as read it"
                    )
                except (FileNotFoundError, NotADirectoryError):
                    continue
            yield _found(path, facts, fault), _changed_ns(facts, now)


def _changed_ns(facts: os.stat_result, now: int) -> int:
    """Tell when a file changed last; a time that its sender set to the future says nothing."""
    return facts.st_ctime_ns if facts.st_mtime_ns > now else max(facts.st_mtime_ns, facts.st_ctime_ns)


def _found(path: str, facts: os.stat_result, fault: IntakeError | None = None) -> Found:
    return Found(path, facts.st_size, max(facts.st_mtime_ns, facts.st_ctime_ns), fault=fault)


def _is_same(found: Found, facts: os.stat_result) -> bool:
    return _found(found.path, facts).digest == found.digest


def _check_same(found: Found, facts: os.stat_result) -> None:
    if not stat.S_ISREG(facts.st_mode) or not _is_same(found, facts):
        raise ArrivalGoneError


def _fault(path: str, facts: os.stat_result) -> IntakeError | None:
    if stat.S_ISLNK(facts.st_mode):
        return IntakeError("link", "links are not followed; drop the file itself")
    if stat.S_ISDIR(facts.st_mode):
        return IntakeError("too_deep", f"folders lie {DEEPEST} deep at most; lay the file less deep")
    if not stat.S_ISREG(facts.st_mode):
        return IntakeError("not_a_file", "this is a pipe, a socket or a device; drop a plain file")
    if not facts.st_size:
        return IntakeError("empty", "the file is empty; copy or record it again")
    return name_fault(path)


@contextmanager
def _target(root: int, names: list[str]) -> Iterator[int]:
    """Open the folder that a file is moved to; where something in the way bears its name, the one at the top."""
    with ExitStack() as opened:
        try:
            folder = opened.enter_context(opened_folder(root, names, made=True))
        except OSError as error:
            if len(names) == 1:
                raise InboxUnavailableError(
                    f"folder {names[0]} of the inbox cannot be used ({error.strerror}); let the user that OVPO runs as "
                    "write there, and remove what is no folder"
                ) from error
            folder = opened.enter_context(_target(root, names[:1]))
        yield folder


def _place(target: int, found: Found) -> tuple[str, str]:
    """Choose names that are free, or were chosen for this very arrival before its work was cut off."""
    first, marked = receipts.places(found)
    taken = {name for name in first if _exists(target, name)}
    if not taken or (first[1] in taken and _arrival(target, first[1]) == found.digest):
        return first
    return marked


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _arrival(folder: int, slip: str) -> str | None:
    try:
        file = os.open(slip, FILE, dir_fd=folder)
    except OSError:
        return None
    try:
        return receipts.arrival_of(os.read(file, _MOST_RECEIPT_BYTES))
    finally:
        os.close(file)


def _write(folder: int, name: str, content: bytes) -> None:
    draft = f".{receipts.arrival_of(content)}.tmp"
    file = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o660, dir_fd=folder)
    with os.fdopen(file, "wb") as opened:
        opened.write(content)
    os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
