# SPDX-License-Identifier: Apache-2.0
"""A watched prefix of a bucket. Objects appear whole, so each one that is listed has settled."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from heapq import nsmallest
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from ovpo.foundation.objects.errors import (
    ObjectAccessDeniedError,
    ObjectChangedError,
    ObjectNotFoundError,
    ObjectStoreError,
    ObjectStoreUnavailableError,
)
from ovpo.foundation.objects.keys import MAX_SEGMENT_BYTES, checked_key
from ovpo.foundation.objects.store import CHUNK_BYTES, ObjectInfo, ObjectStore
from ovpo.sop.intake import receipts
from ovpo.sop.intake.errors import ArrivalGoneError, InboxUnavailableError, IntakeError
from ovpo.sop.intake.found import FAILED, OURS, PROCESSED, Found, Scan, is_passed_over, name_fault
from ovpo.sop.intake.receipts import Receipt

_EMPTY: Final = IntakeError("empty", "the object is empty; upload it again")


class PrefixInbox:
    """A prefix that others lay videos under; moving is copying through us and then deleting."""

    def __init__(self, store: ObjectStore, prefix: str, drafts: Path) -> None:
        self._store = store
        self._drafts = drafts
        self._prefix = f"{prefix}/" if prefix else ""

    def scan(self, most: int) -> Scan:
        """Give what is there, the oldest first, at most so many."""
        untouchable = 0

        def usable() -> Iterator[Found]:
            nonlocal untouchable
            for info in self._objects():
                path = info.key.removeprefix(self._prefix)
                if any(map(is_passed_over, path.split("/"))) or (not info.size and not self._store.exists(info.key)):
                    continue
                if _is_touchable(info.key):
                    yield _found(path, info, _EMPTY if not info.size else name_fault(path))
                else:
                    untouchable += 1

        chosen = nsmallest(most, usable(), key=lambda found: (found.changed_ns, found.path))
        return Scan(tuple(chosen), untouchable=untouchable)

    def look(self, path: str) -> Found | None:
        """Look at one object; None where there is none."""
        try:
            with _nameless():
                return _found(path, self._store.head(self._prefix + path))
        except ObjectNotFoundError:
            return None

    def open(self, found: Found) -> Iterator[bytes]:
        """Read an object piece by piece; raise ArrivalGoneError unless it is the one that was found.

        It is there in whole before the first piece is given: obstore panics where one store is read while another
        takes the pieces.
        """
        self._drafts.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=self._drafts) as draft:
            try:
                with _nameless():
                    draft.writelines(self._store.read(self._prefix + found.path, etag=found.etag))
            except (ObjectNotFoundError, ObjectChangedError) as error:
                raise ArrivalGoneError from error
            if draft.tell() != found.size:
                raise ArrivalGoneError
            draft.seek(0)
            yield from iter(partial(draft.read, CHUNK_BYTES), b"")

    def accept(self, found: Found, receipt: Receipt) -> None:
        """Move an object to `processed`, with its receipt; what is there no more, or is another, stays as it is."""
        with _nameless():
            self._move(found, receipt, PROCESSED)

    def refuse(self, found: Found, receipt: Receipt) -> None:
        """Move an object to `failed`, with its receipt."""
        with _nameless():
            self._move(found, receipt, FAILED)

    def _move(self, found: Found, receipt: Receipt, top: str) -> None:
        """Write the receipt, copy, delete, in this order: cut off anywhere, a repeat does the same again."""
        now = self.look(found.path)
        if now is None or now.digest != found.digest:
            return
        folder = f"{self._prefix}{top}/{found.path[: -len(found.name)]}"
        file, slip = self._place(folder, found)
        self._store.put(folder + slip, receipts.encoded(receipt))
        pieces = self.open(found)
        try:
            first_piece = next(pieces, b"")
        except ArrivalGoneError:
            return
        self._store.put(folder + file, chain((first_piece,), pieces))
        self._store.delete(self._prefix + found.path)

    def _place(self, folder: str, found: Found) -> tuple[str, str]:
        """Choose keys that are free, or were chosen for this very arrival before its work was cut off."""
        first, marked = receipts.places(found, MAX_SEGMENT_BYTES)
        taken = [name for name in first if self._store.exists(folder + name)]
        is_ours = first[1] in taken and receipts.arrival_of(self._store.get(folder + first[1])) == found.digest
        return first if not taken or is_ours else marked

    def _objects(self) -> Iterator[ObjectInfo]:
        """List the prefix without what was dealt with, which may be more by far."""
        prefixes, objects = self._store.level(self._prefix)
        yield from objects
        for prefix in prefixes:
            if prefix.removeprefix(self._prefix) not in OURS:
                yield from self._store.list(prefix)


@contextmanager
def _nameless() -> Iterator[None]:
    """Say that the bucket does not serve, without its keys: a file's name may be somebody's, and runs keep errors."""
    try:
        yield
    except (ObjectAccessDeniedError, ObjectStoreUnavailableError) as error:
        raise InboxUnavailableError(
            f"the inbox does not serve ({type(error).__name__}); "
            "check OVPO_SOP__INBOX and the credentials of OVPO_OBJECTS"
        ) from None


def _is_touchable(key: str) -> bool:
    try:
        checked_key(key)
    except ObjectStoreError:
        return False
    return True


def _found(path: str, info: ObjectInfo, fault: IntakeError | None = None) -> Found:
    # Listings of GCS tell milliseconds, a look at one object whole seconds.
    return Found(path, info.size, int(info.modified.timestamp()) * 1_000_000_000, info.etag, fault)
