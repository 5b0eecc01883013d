# SPDX-License-Identifier: Apache-2.0
"""Chunks on disk until they are delivered: what a killed process leaves behind, the next one sends.

`folder/<owner>/<process folder>/<chunk file>`: every process writes into a folder of its own and takes over those of
dead ones. One thread of a process uses a `Spool`; any number of processes share the folder, and any of them may be
killed at any instant. What a file looks like is said in `spool_files`, how a folder is held in `spool_folders`.
"""

import errno
import logging
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ovpo_sdk.errors import ConfigurationError, OvpoError
from ovpo_sdk.transport import spool_files, spool_folders
from ovpo_sdk.transport.chunks import Chunk, Lane
from ovpo_sdk.transport.spool_files import BLOCK_BYTES, CorruptFileError, FileName
from ovpo_sdk.transport.spool_folders import Held, Shelf

SHARE: Final = 64
"""Of the limit, what processes together write between two looks at one another's folders: at 1 GB those may hold a
hundred thousand names. So many processes may for a while be over the limit by a few hundredths of it, and what is
dropped for the limit is that much more than needed, lest the next chunk needs another look."""
CORRUPT: Final = "corrupt"
"""An owner's folder for files that cannot be read: the newest 16, within a 16th of the limit and beside it."""
MOST_CORRUPT: Final = 16
_OWNER: Final = re.compile(r"[0-9A-Za-z_-]{1,128}")
_OUT_OF_MEANS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""Reading that fails for want of these says nothing about the file."""
_NO_SPACE: Final = "free some space, lower spool_bytes, or give a spool folder on another disk"
_NO_RIGHTS: Final = "give a spool folder (spool=, OVPO_SPOOL) that this user may write to"
_NO_FILES: Final = "close files, or let the process open more of them (ulimit -n)"
_NO_FOLDER: Final = "it was removed while in use and will be made again: keep whatever cleans up away from it"
_NO_PLACE: Final = "something else is in its place: give another spool folder (spool=, OVPO_SPOOL)"
_REMEDIES: Final = {
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EFBIG: _NO_SPACE,
    errno.EACCES: _NO_RIGHTS,
    errno.EPERM: _NO_RIGHTS,
    errno.EROFS: _NO_RIGHTS,
    errno.EMFILE: _NO_FILES,
    errno.ENFILE: _NO_FILES,
    errno.ENOENT: _NO_FOLDER,
    errno.ENOTDIR: _NO_PLACE,
    errno.EEXIST: _NO_PLACE,
    errno.ELOOP: _NO_PLACE,
}
_log: Final = logging.getLogger("ovpo_sdk")


class SpoolError(OvpoError):
    """The disk does not take or give chunks; names the folder and what to do."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A chunk that is on disk, and stays there until it is removed."""

    path: Path
    _chunk: Chunk

    def chunk(self) -> Chunk:
        """Give it, as it was when it was found whole."""
        return self._chunk


@dataclass(frozen=True, slots=True)
class Dropped:
    """What is still known of a chunk that had to go."""

    lane: Lane
    items: int
    spans: int
    frames_of: Mapping[str, int]

    @property
    def frames(self) -> int:
        """How many of its items were frame events."""
        return sum(self.frames_of.values())


class Spool:
    """The chunks that this process has on disk, within a limit that all processes of an owner share."""

    def __init__(self, folder: Path, owner: str, limit_bytes: int, *, clock: Callable[[], int] = time.time_ns) -> None:
        """Touch nothing yet: folders are made for the first chunk.

        `owner` stands for an endpoint and a key, so that nothing is sent with another tenant's key.
        """
        if sys.platform == "win32":
            raise ConfigurationError("spool: it needs the file locks of a POSIX system; leave it out on this one")
        if not _OWNER.fullmatch(owner):
            raise ConfigurationError(f"owner: {owner!r} is no plain name; give letters, digits, '-' and '_'")
        if limit_bytes <= 0:
            raise ConfigurationError(f"spool_bytes: {limit_bytes} is no room; give a number above 0")
        self._folder = folder.absolute() / owner
        self._limit = limit_bytes
        self._clock = clock
        self._last_stamp = 0
        self._said: set[str] = set()
        self._start_empty()

    @property
    def items(self) -> int:
        """How many items this process has on disk."""
        return self._shelf.items

    @property
    def bytes(self) -> int:
        """How much of the disk they take, in whole blocks."""
        return self._shelf.bytes

    @property
    def corrupt_files(self) -> int:
        """How many files were set aside because they could not be read."""
        return self._corrupt_files

    @property
    def missing_files(self) -> int:
        """How many files of this process others took away: for the limit, which they counted, or without asking."""
        return self._missing_files

    def put(self, chunk: Chunk) -> list[Dropped]:
        """Write a chunk, and say what had to be dropped for it: the oldest ordinary ones first, whoever's they were.

        When this returns, the chunk outlives the process however that ends, though not a power cut: nothing is forced
        to the disk. A SpoolError means that it was not written and nothing was dropped.
        """
        content = spool_files.encode(chunk)
        with self._trouble():
            home = self._at_home()
            name = FileName(self._stamp(), chunk.lane, chunk.items, len(content), home.maker)
            if name.disk_bytes > self._limit:
                return [Dropped(chunk.lane, chunk.items, chunk.spans, chunk.frames_of)]
            spool_files.write(home.path / str(name), content)
        self._shelf.add(name)
        self._unseen_room -= name.disk_bytes
        return self._make_room(home)

    def next(self, most_items: int, most_bytes: int, most_spans: int) -> list[Stored]:
        """Give the oldest chunks that fit in one batch, precious ones first; at least one if there is any.

        `most_bytes` is of the items as they were, not squeezed. What is given stays here until it is removed. A
        SpoolError means that this process may open no more files.
        """
        given: list[Stored] = []
        if self._home is None:
            return given
        for lane in (Lane.PRECIOUS, Lane.ORDINARY):
            name = self._shelf.oldest(lane)
            while name is not None:
                if (chunk := self._read(self._home, name)) is not None:
                    most_items -= chunk.items
                    most_bytes -= chunk.raw_bytes
                    most_spans -= chunk.spans
                    if given and min(most_items, most_bytes, most_spans) < 0:
                        return given
                    given.append(Stored(self._home.path / str(name), chunk))
                name = self._shelf.oldest(lane, after=name)
        return given

    def remove(self, stored: Iterable[Stored]) -> None:
        """Forget chunks that were delivered."""
        for one in stored:
            if (name := FileName.parse(one.path.name)) is not None:
                self._shelf.discard(name)
            try:
                one.path.unlink(missing_ok=True)
            except OSError as error:
                self._say("delivered chunks cannot be removed (%s): the next process will send them again", error)

    def adopt(self) -> int:
        """Take over what processes that have ended left, each chunk by one process alone; say how many items."""
        with self._trouble():
            found = spool_folders.folders(self._folder)
            return sum(self._take_over(path) for path in found if self._home is None or path != self._home.path)

    def close(self) -> None:
        """Leave what is not delivered to the next process."""
        if self._home is not None:
            self._home.give_back()
        self._start_empty()

    def after_fork_in_child(self) -> None:
        """Start anew in a forked process: the chunks here stay the parent's."""
        if self._home is not None:
            self._home.abandon()
        self._start_empty()

    def _start_empty(self) -> None:
        self._home: Held | None = None
        self._shelf = Shelf()
        self._others: dict[Path, Shelf] = {}
        self._unseen_room = 0
        self._corrupt_files = 0
        self._missing_files = 0

    def _at_home(self) -> Held:
        if self._home is None:
            self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            spool_folders.make_private(self._folder)
            self._home = spool_folders.make(self._folder, self._clock())
        return self._home

    def _stamp(self) -> int:
        # A clock may be set back; the order of a process's chunks may not.
        self._last_stamp = max(self._clock(), self._last_stamp + 1)
        return self._last_stamp

    def _take_over(self, path: Path) -> int:
        try:
            dead = spool_folders.claim(path)
        except OSError as error:
            self._say("what an earlier process left cannot be taken over (%s)", error)
            return 0
        if dead is None:
            return 0
        adopted: list[FileName] = []
        try:
            for name in Shelf.of(path):
                target = self._at_home().path / str(name)
                # Missing: another process has dropped it for the limit, and counted it.
                with suppress(FileNotFoundError):
                    (path / str(name)).rename(target)
                    adopted.append(name)
        finally:
            self._shelf.update(map(str, adopted))
            self._last_stamp = max([self._last_stamp, *(name.stamp for name in adopted)])
            dead.give_back()
        return sum(name.items for name in adopted)

    def _read(self, home: Held, name: FileName) -> Chunk | None:
        path = home.path / str(name)
        try:
            return spool_files.read(path)
        except FileNotFoundError:
            self._shelf.discard(name)
            self._missing_files += 1
        except CorruptFileError as error:
            self._set_aside(path, name, error)
        except OSError as error:
            if error.errno in _OUT_OF_MEANS:
                raise self._error(error) from error
            self._set_aside(path, name, error)
        return None

    def _set_aside(self, path: Path, name: FileName, reason: Exception) -> None:
        aside = self._folder / CORRUPT
        self._shelf.discard(name)
        self._corrupt_files += 1
        self._say("a chunk cannot be read (%s) and is set aside in %s", reason, aside)
        with suppress(OSError):
            spool_folders.make_private(aside)
            path.rename(aside / f"{name}.corrupt")
            room = self._limit // MOST_CORRUPT
            for count, kept in enumerate(sorted(aside.iterdir(), reverse=True)):
                room -= kept.lstat().st_size
                if count >= MOST_CORRUPT or room < 0:
                    kept.unlink()

    def _make_room(self, home: Held) -> list[Dropped]:
        """Bring all processes together back within the limit."""
        if self._over() <= 0 <= self._unseen_room:
            return []
        self._look_around(home)
        dropped: list[Dropped] = []
        if (over := self._over()) > 0:
            over += self._limit // SHARE // BLOCK_BYTES * BLOCK_BYTES if self._others else 0
            shelves = {home.path: self._shelf, **self._others}
            while over > 0 and (victim := _first_to_go(shelves)) is not None:
                path, name = victim
                shelves[path].discard(name)
                over -= name.disk_bytes
                dropped += self._drop(path / str(name), name)
        self._unseen_room = min(max(-over, 0), self._limit // SHARE) // (1 + len(self._others))
        return dropped

    def _over(self) -> int:
        return self._shelf.bytes + sum(shelf.bytes for shelf in self._others.values()) - self._limit

    def _look_around(self, home: Held) -> None:
        with suppress(OSError):
            found = spool_folders.folders(self._folder)
            self._others = {path: Shelf.of(path) for path in found if path != home.path}
        # What others dropped here for the limit were the oldest of a lane.
        for lane in Lane:
            while (name := self._shelf.oldest(lane)) is not None and not (home.path / str(name)).exists():
                self._shelf.discard(name)
                self._missing_files += 1

    def _drop(self, path: Path, name: FileName) -> list[Dropped]:
        spans, frames_of = 0, dict[str, int]()
        try:
            with suppress(CorruptFileError, OSError):
                header = spool_files.read_header(path)
                spans, frames_of = header.spans, header.frames_of
            path.unlink()
        except FileNotFoundError:
            return []
        except OSError as error:
            self._say("a chunk beyond the limit cannot be removed (%s)", error)
            return []
        return [Dropped(name.lane, name.items, spans, frames_of)]

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno == errno.ENOENT and self._home is not None:
                self._home.abandon()
                self._home = None
                self._missing_files += len(self._shelf)
                self._shelf = Shelf()
            raise self._error(error) from error

    def _error(self, error: OSError) -> SpoolError:
        remedy = _REMEDIES.get(error.errno or 0, "see to its file system, or leave the spool out")
        return SpoolError(f"spool folder {self._folder}: {error.strerror or error}; {remedy}")

    def _say(self, message: str, *arguments: object) -> None:
        if message not in self._said:
            self._said.add(message)
            _log.warning(f"ovpo: {message}", *arguments)


def _first_to_go(shelves: Mapping[Path, Shelf]) -> tuple[Path, FileName] | None:
    """Find the oldest ordinary chunk of all, or the oldest precious one if there is no other."""
    for lane in (Lane.ORDINARY, Lane.PRECIOUS):
        found = [
            (name.stamp, path, name) for path, shelf in shelves.items() if (name := shelf.oldest(lane)) is not None
        ]
        if found:
            _, path, name = min(found, key=lambda one: one[:2])
            return path, name
    return None
