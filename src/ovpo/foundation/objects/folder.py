# SPDX-License-Identifier: Apache-2.0
"""Files of a folder that others write, read in a way that never leaves it: no link is followed, no device opened."""

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final

from ovpo.foundation.objects.errors import (
    ObjectAccessDeniedError,
    ObjectChangedError,
    ObjectNotFoundError,
    ObjectRangeError,
    ObjectStoreError,
    ObjectStoreUnavailableError,
)
from ovpo.foundation.objects.store import CHUNK_BYTES, Method, ObjectInfo, Signer

Place = tuple[Path, Sequence[str]]
"""A folder of the operator's, and the names that lead from it to a file."""
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NOTHING_THERE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO})


class FolderFiles:
    """Files to whoever holds a signed link; `find` tells where a key lies, None where it lies in no open folder."""

    def __init__(self, signer: Signer, find: Callable[[str], Place | None]) -> None:
        self._signer = signer
        self._find = find

    def sign_all(self, keys: Sequence[str], life: timedelta, method: Method = "GET") -> Sequence[str]:
        """Give a link to each file that needs no credentials and works for so long."""
        return self._signer.sign(keys, life, method)

    def verify(self, key: str, expires: int, signature: str, now: datetime, method: Method = "GET") -> bool:
        """Tell whether a link that came back to us is one of ours and still good."""
        return self._signer.verify(key, expires, signature, now, method)

    def head(self, key: str) -> ObjectInfo:
        """Tell size and age of a file."""
        with self._open(key) as file:
            return _info(key, file)

    def read(self, key: str, part: slice | None = None, etag: str | None = None) -> Iterator[bytes]:
        """Open a file, or the bytes of it from `start` to before `stop`, and give it piece by piece."""
        with ExitStack() as opened:
            file = opened.enter_context(self._open(key))
            start, stop = _bounds(_info(key, file), part, etag)
            file.seek(start)
            opened.pop_all()
        return _pieces(file, stop - start)

    def _open(self, key: str) -> BinaryIO:
        place = self._find(key)
        if place is None:
            raise ObjectNotFoundError(f"file {key}: lies in no folder that is open")
        try:
            return open_beneath(*place)
        except OSError as error:
            raise _as_ours(key, error) from error


def open_beneath(base: Path, names: Sequence[str]) -> BinaryIO:
    """Open a plain file below a folder, name by name, so that no link of whoever writes there leads elsewhere."""
    if not names or any(name in {"", ".", ".."} or "/" in name or "\0" in name for name in names):
        raise FileNotFoundError(errno.ENOENT, "no such file")
    with ExitStack() as opened:
        folder = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        opened.callback(os.close, folder)
        for name in names[:-1]:
            folder = os.open(name, _FOLDER, dir_fd=folder)
            opened.callback(os.close, folder)
        file = os.open(names[-1], _FILE, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise FileNotFoundError(errno.ENOENT, "no plain file")
    return os.fdopen(file, "rb", buffering=0)


def _bounds(known: ObjectInfo, part: slice | None, etag: str | None) -> tuple[int, int]:
    if etag is not None and etag != known.etag:
        raise ObjectChangedError(f"file {known.key}: was replaced")
    if part is None:
        return 0, known.size
    if not 0 <= part.start < min(part.stop, known.size):
        raise ObjectRangeError(f"file {known.key}: bytes {part.start} to {part.stop} are no range of its {known.size}")
    return part.start, part.stop


def _info(key: str, file: BinaryIO) -> ObjectInfo:
    facts = os.fstat(file.fileno())
    return ObjectInfo(
        key=key,
        size=facts.st_size,
        modified=datetime.fromtimestamp(facts.st_mtime, UTC),
        etag=f'"{facts.st_ino:x}-{facts.st_mtime_ns:x}-{facts.st_size:x}"',
    )


def _pieces(file: BinaryIO, left: int) -> Iterator[bytes]:
    with file:
        while left > 0 and (piece := file.read(min(left, CHUNK_BYTES))):
            left -= len(piece)
            yield piece


def _as_ours(key: str, error: OSError) -> ObjectStoreError:
    said = f"file {key}: {error.strerror}"
    if error.errno in _NOTHING_THERE:
        return ObjectNotFoundError(said)
    if isinstance(error, PermissionError):
        return ObjectAccessDeniedError(said)
    return ObjectStoreUnavailableError(said)
