# SPDX-License-Identifier: Apache-2.0
"""An object store as OVPO uses it: whole objects that appear at once or not at all, under checked keys.

Calls block; asyncio services run them in a thread. Which store it is was decided in `connect`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from errno import EEXIST, EISDIR, ENOTDIR
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol

import obstore
from obstore import exceptions
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

from ovpo.foundation.objects.errors import (
    ObjectAccessDeniedError,
    ObjectChangedError,
    ObjectNotFoundError,
    ObjectRangeError,
    ObjectStoreError,
    ObjectStoreUnavailableError,
)
from ovpo.foundation.objects.keys import checked_key, checked_prefix

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult, ObjectMeta

PAGE: Final = 1000
CHUNK_BYTES: Final = 1024 * 1024
_MOST_SAID: Final = 300
Method = Literal["GET", "HEAD", "PUT"]
Backend = LocalStore | GCSStore | S3Store | AzureStore


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a store knows of an object without opening it."""

    key: str
    size: int
    modified: datetime
    etag: str | None
    """Another one whenever the object is replaced, in double quotes; None where the store tells none."""


class Signer(Protocol):
    """Makes links that need no further credentials."""

    def sign(self, keys: Sequence[str], life: timedelta, method: Method) -> Sequence[str]:
        """Give a link to each object that works for so long."""
        ...

    def verify(self, key: str, expires: int, signature: str, now: datetime, method: Method) -> bool:
        """Tell whether a link that comes back to us is one of ours and still good."""
        ...


class ObjectStore:
    """Objects under keys."""

    def __init__(
        self,
        backend: Backend,
        signer: Signer,
        probe: Callable[[Backend], None],
        name: str,
        folder: Path | None = None,
    ) -> None:
        self._backend = backend
        self._signer = signer
        self._probe = probe
        self._name = name
        self._folder = folder

    def file_of(self, key: str) -> Path | None:
        """Tell in which file an object lies, to be read and never written; None where the store is no folder."""
        return None if self._folder is None else self._folder / checked_key(key)

    def put(self, key: str, data: bytes | Iterable[bytes]) -> None:
        """Write an object, in whole or from a stream; readers see the old one until the new one is complete."""
        source = data if isinstance(data, bytes) else _Source(data)
        with self._translated(key, source):
            self._backend.put(checked_key(key), source)

    def get(self, key: str) -> bytes:
        """Read a whole object."""
        with self._translated(key):
            return bytes(self._backend.get(checked_key(key)).bytes())

    def stream(self, key: str) -> Iterator[bytes]:
        """Read an object of any size piece by piece."""
        with self._translated(key):
            for chunk in self._backend.get(checked_key(key)).stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)

    def get_range(self, key: str, start: int, end: int) -> bytes:
        """Read the bytes from `start` up to, not including, `end`; fewer where the object ends before."""
        if not 0 <= start < end:
            raise ObjectRangeError(f"object {key}: bytes {start} to {end} are no range")
        try:
            with self._translated(key):
                return bytes(self._backend.get_range(checked_key(key), start=start, end=end))
        except ObjectStoreUnavailableError:
            size = self.head(key).size
            if start < size:
                raise
            raise ObjectRangeError(f"object {key}: has {size} bytes, none from {start} on") from None

    def head(self, key: str) -> ObjectInfo:
        """Tell size and age of an object."""
        with self._translated(key):
            return _info(key, self._backend.head(checked_key(key)))

    def read(self, key: str, part: slice | None = None, etag: str | None = None) -> Iterator[bytes]:
        """Open an object, or the bytes of it from `start` to before `stop`, and give it piece by piece.

        What cannot be opened raises at once. With `etag` the object must still be the one that had it.
        """
        options: GetOptions = {}
        if part is not None:
            options["range"] = (part.start, part.stop)
        if etag is not None:
            options["if_match"] = etag
        with self._translated(key):
            return self._pieces(key, self._backend.get(checked_key(key), options=options))

    def _pieces(self, key: str, opened: "GetResult") -> Iterator[bytes]:
        with self._translated(key):
            for chunk in opened.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)

    def exists(self, key: str) -> bool:
        """Tell whether there is an object under this key."""
        try:
            self.head(key)
        except ObjectNotFoundError:
            return False
        return True

    def level(self, prefix: str = "") -> tuple[list[str], list[ObjectInfo]]:
        """Give the prefixes and the objects right below a prefix, so that whole branches can be left out."""
        with self._translated(prefix or "/"):
            found = self._backend.list_with_delimiter(checked_prefix(prefix) or None)
            return [*found["common_prefixes"]], [_info(meta["path"], meta) for meta in found["objects"]]

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Give every object below a prefix, which ends at a slash; page by page, in no order, in bounded memory."""
        with self._translated(prefix or "/"):
            for page in self._backend.list(checked_prefix(prefix) or None, chunk_size=PAGE):
                for meta in page:
                    yield _info(meta["path"], meta)

    def delete(self, key: str) -> None:
        """Remove an object; that it was not there is no error."""
        try:
            with self._translated(key):
                self._backend.delete(checked_key(key))
        except ObjectNotFoundError:
            return

    def sign(self, key: str, life: timedelta, method: Method = "GET") -> str:
        """Give a link to one object that needs no credentials and works for so long."""
        return self.sign_all([key], life, method)[0]

    def sign_all(self, keys: Sequence[str], life: timedelta, method: Method = "GET") -> Sequence[str]:
        """Give a link to each object, in their order; a store that signs over the network is asked for all at once."""
        with self._translated(", ".join(keys[:1])):
            return self._signer.sign([checked_key(key) for key in keys], life, method) if keys else []

    def verify(self, key: str, expires: int, signature: str, now: datetime, method: Method = "GET") -> bool:
        """Tell whether a link that came back to us is one of ours and still good."""
        return self._signer.verify(key, expires, signature, now, method)

    def ready(self) -> None:
        """Ask the store whether it serves us; raise `ObjectStoreError` when it does not.

        A cloud is asked for one page of a listing: that takes its network, the bucket and our credentials, and unlike
        writing a probe it costs nothing and cannot collide when every service asks every few seconds.
        """
        with self._translated("(listing)"):
            self._probe(self._backend)

    @contextmanager
    def _translated(self, key: str, source: "bytes | _Source | None" = None) -> Iterator[None]:
        """Turn what the backend raises into our errors; what a caller's own stream raises stays what it is.

        In a folder a key may lead through an object, or end at a folder; to a reader there is nothing there.
        """
        try:
            yield
        except (OSError, exceptions.BaseError) as error:
            if isinstance(source, _Source) and source.failure is not None:
                raise source.failure from None
            said = f"{self._name}, object {key}: {str(error).partition(chr(10))[0][:_MOST_SAID]}"
            if not _crosses_folders(said):
                raise _as_ours(said, error) from error
            if source is None:
                raise ObjectNotFoundError(said) from error
            raise ObjectStoreError(f"{said}: a folder cannot hold an object and others below it") from error


def _info(key: str, meta: "ObjectMeta") -> ObjectInfo:
    return ObjectInfo(key=key, size=meta["size"], modified=meta["last_modified"], etag=meta["e_tag"])


def _as_ours(said: str, error: Exception) -> ObjectStoreError:
    match error:
        case FileNotFoundError():
            return ObjectNotFoundError(said)
        case exceptions.PreconditionError():
            return ObjectChangedError(said)
        case exceptions.PermissionDeniedError() | exceptions.UnauthenticatedError() | PermissionError():
            return ObjectAccessDeniedError(f"{said}; check the credentials of OVPO_OBJECTS")
        case _:
            return ObjectStoreUnavailableError(said)


def _crosses_folders(said: str) -> bool:
    return any(f"(os error {code})" in said for code in (ENOTDIR, EISDIR, EEXIST))


class _Source:
    """A caller's stream that remembers how it failed, to tell its failure from the store's."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.failure: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._chunks
        except Exception as failure:
            self.failure = failure
            raise


def now() -> datetime:
    """Tell the time that links are signed at."""
    return datetime.now(UTC)


def list_one_page(backend: Backend) -> None:
    """Probe a cloud: list what lies under a name that nobody uses."""
    obstore.list(backend, ".ovpo-ready", chunk_size=1).collect()
