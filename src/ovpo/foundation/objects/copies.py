# SPDX-License-Identifier: Apache-2.0
"""Objects as local files, for what reads by path: the object's own file in a folder store, else a copy in a cache."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final
from uuid import uuid4

from ovpo.foundation.objects.errors import ObjectNotFoundError
from ovpo.foundation.objects.store import ObjectStore

MOST_BYTES: Final = 20 * 1024**3
"""What the cache may hold before the copies that were not asked for longest are dropped."""


@dataclass(frozen=True, slots=True)
class Copies:
    """Local files of a store's objects. A copy is of one version of its object; readers keep what they have open."""

    store: ObjectStore
    cache: Path
    most_bytes: int = MOST_BYTES

    def file(self, key: str) -> Path:
        """Give a file that holds the object; raise ObjectNotFoundError where there is none."""
        return self.beside(key)

    def beside(self, key: str, *others: str) -> Path:
        """Give a file that holds the object, with those of other objects of its prefix in the same folder."""
        own = [self.store.file_of(each) for each in (key, *others)]
        for each, file in zip((key, *others), own, strict=True):
            if file is not None and not file.is_file():
                raise ObjectNotFoundError(f"object {each}: there is none")
        return own[0] or self._copied(key, *others)

    @contextmanager
    def draft(self, suffix: str) -> Iterator[Path]:
        """Lend the path of a file that is gone afterwards, to write what is then put into the store."""
        self.cache.mkdir(parents=True, exist_ok=True)
        file = self.cache / f"draft-{uuid4().hex}{suffix}"
        try:
            yield file
        finally:
            file.unlink(missing_ok=True)

    def put(self, key: str, file: Path) -> None:
        """Write a file into the store."""
        with file.open("rb") as opened:
            self.store.put(key, iter(lambda: opened.read(1024 * 1024), b""))

    def _copied(self, *keys: str) -> Path:
        known = [self.store.head(key) for key in keys]
        versions = [f"{one.key}\n{one.etag}\n{one.size}\n{one.modified.isoformat()}" for one in known]
        folder = self.cache / "copies" / sha256("\n".join(versions).encode()).hexdigest()
        copies = [folder / key.rpartition("/")[2] for key in keys]
        missing = [(key, copy) for key, copy in zip(keys, copies, strict=True) if not _used(copy)]
        for key, copy in missing:
            self._fetch(key, copy)
        if missing:
            self._drop_oldest(keep=copies)
        return copies[0]

    def _fetch(self, key: str, copy: Path) -> None:
        copy.parent.mkdir(parents=True, exist_ok=True)
        draft = copy.with_name(f".{copy.name}.{uuid4().hex}")
        try:
            with draft.open("xb") as opened:
                for piece in self.store.stream(key):
                    opened.write(piece)
            draft.replace(copy)
        finally:
            draft.unlink(missing_ok=True)

    def _drop_oldest(self, keep: Sequence[Path]) -> None:
        held = sorted((file for file in (self.cache / "copies").glob("*/*") if file not in keep), key=_last_use)
        total = sum(_size(file) for file in (*held, *keep))
        for file in held:
            if total <= self.most_bytes:
                return
            total -= _size(file)
            file.unlink(missing_ok=True)


def _used(file: Path) -> bool:
    """Tell whether a copy is there, and note that it was asked for."""
    try:
        os.utime(file)
    except FileNotFoundError:
        return False
    return True


def _last_use(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
