# SPDX-License-Identifier: Apache-2.0
"""The folder of one process in the spool: who has it, and what is in it. Nothing of limits or of sending.

A process holds a lock on its folder for as long as it lives: the kernel gives it back however the process ends.
"""

import errno
import os
import re
import secrets
import stat
import sys
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from ovpo_sdk.transport.chunks import Lane
from ovpo_sdk.transport.spool_files import PART_SUFFIX, FileName

if sys.platform != "win32":
    import fcntl

LOCK: Final = "lock"
_NAME: Final = re.compile(r"[0-9a-f]{16}-[0-9]+-[0-9a-f]{8}")
_TRIES: Final = 10
"""A folder may be cleared away between its making and its locking: then another is made."""


@dataclass(frozen=True, slots=True)
class Held:
    """A process folder with its lock."""

    path: Path
    lock: int

    @property
    def maker(self) -> str:
        """What tells its files from those of every other process."""
        return self.path.name.rpartition("-")[2]

    def give_back(self) -> None:
        """Unlock the folder; without chunks it is removed."""
        with suppress(OSError):
            if not Shelf.of(self.path):
                for part in self.path.glob(f"*{PART_SUFFIX}"):
                    part.unlink()
                (self.path / LOCK).unlink()
                self.path.rmdir()
        # Closing is not enough where a forked process still has a copy.
        with suppress(OSError):
            fcntl.flock(self.lock, fcntl.LOCK_UN)
        self.abandon()

    def abandon(self) -> None:
        """Close this process's copy of the lock: after a fork the other process keeps its own."""
        with suppress(OSError):
            os.close(self.lock)


class Shelf:
    """The chunks of one process folder in order of age, as they were last seen: names alone, there may be very many."""

    def __init__(self) -> None:
        self._texts: dict[Lane, list[str]] = {lane: [] for lane in Lane}
        self.items = 0
        self.bytes = 0

    @classmethod
    def of(cls, folder: Path) -> Self:
        """See what is in a folder; one that is gone, or another user's, shows nothing."""
        shelf = cls()
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError), os.scandir(folder) as entries:
            shelf.update(entry.name for entry in entries)
        return shelf

    def update(self, texts: Iterable[str]) -> None:
        """Put in what of these is a chunk's name."""
        for text in texts:
            if (name := FileName.parse(text)) is not None:
                self._texts[name.lane].append(text)
                self._count(name, 1)
        for lane in self._texts.values():
            lane.sort()

    def add(self, name: FileName) -> None:
        """Put one in."""
        insort(self._texts[name.lane], str(name))
        self._count(name, 1)

    def discard(self, name: FileName) -> None:
        """Take one out, if it is there."""
        texts, text = self._texts[name.lane], str(name)
        place = bisect_left(texts, text)
        if place < len(texts) and texts[place] == text:
            del texts[place]
            self._count(name, -1)

    def oldest(self, lane: Lane, after: FileName | None = None) -> FileName | None:
        """Give the oldest of a lane, or the oldest after a name, which need not be there any more."""
        texts = self._texts[lane]
        place = 0 if after is None else bisect_right(texts, str(after))
        return FileName.parse(texts[place]) if place < len(texts) else None

    def __iter__(self) -> Iterator[FileName]:
        for texts in self._texts.values():
            yield from filter(None, map(FileName.parse, texts))

    def __len__(self) -> int:
        return sum(map(len, self._texts.values()))

    def _count(self, name: FileName, sign: int) -> None:
        self.items += sign * name.items
        self.bytes += sign * name.disk_bytes


def make(parent: Path, stamp: int) -> Held:
    """Make a folder for this process and lock it."""
    for _ in range(_TRIES):
        path = parent / f"{stamp:016x}-{os.getpid()}-{secrets.token_hex(4)}"
        path.mkdir(mode=0o700)
        if (held := claim(path)) is not None:
            return held
    raise OSError(f"{parent}: its folders are removed as soon as they are made")


def claim(path: Path) -> Held | None:
    """Lock a folder without waiting; None if a living process has it, or if it is gone."""
    try:
        lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return None
    taken = False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever had it may have cleared it away between the opening and the locking.
        taken = os.path.samestat(os.fstat(lock), os.lstat(path / LOCK))
    except (BlockingIOError, FileNotFoundError):
        return None
    finally:
        if not taken:
            os.close(lock)
    return Held(path, lock) if taken else None


def folders(parent: Path) -> list[Path]:
    """List the process folders, the oldest first; links are none."""
    try:
        with os.scandir(parent) as entries:
            return sorted(Path(entry.path) for entry in entries if _is_folder(entry))
    except FileNotFoundError:
        return []


def make_private(folder: Path) -> None:
    """Make a folder that only this user may enter; what is there already has to be a folder and no link."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if not stat.S_ISDIR(os.lstat(folder).st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "it is a link")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return _NAME.fullmatch(entry.name) is not None and entry.is_dir(follow_symlinks=False)
