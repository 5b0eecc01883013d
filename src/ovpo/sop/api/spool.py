# SPDX-License-Identifier: Apache-2.0
"""The file that one upload is written to: hashed as it grows, never larger than allowed, refused early if no video."""

from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import Final
from uuid import uuid4

from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.unavailable import StoreUnavailableError
from ovpo.sop.api.refusals import unusable
from ovpo.sop.errors import VideoError
from ovpo.sop.video.boxes import inspect
from ovpo.sop.video.limits import Limits
from ovpo.sop.video.sniffing import HEAD, Container, sniff

_NAME: Final = "file"
"""What refusals call it; the name that it came under may be a person's."""
_MODE: Final = 0o700
_AT_ONCE: Final = 1024 * 1024
_BROKEN: Final = frozenset({"empty", "blank", "truncated", "bad_index", "no_index", "too_many_pictures"})
"""What is a video of a kind that is taken, but damaged or not whole."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A whole file of a kind that is taken."""

    path: Path
    sha256: str
    bytes: int
    container: Container


class Spool:
    """One file on its way in. Its calls block."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder = folder / uuid4().hex
        self._most_bytes = most_bytes
        self._hash = sha256()
        self._bytes = 0
        self._container: Container | None = None
        try:
            self.folder.mkdir(mode=_MODE, parents=True)
            self._file = (self.folder / _NAME).open("xb")
        except OSError as error:
            raise self._full(error) from error

    @property
    def wants(self) -> int:
        """How many bytes are worth a write: few until it is known what they are, then many."""
        return HEAD if self._container is None else _AT_ONCE

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        if self._bytes + len(data) > self._most_bytes:
            raise ApiError(
                Code.PAYLOAD_TOO_LARGE,
                f"{_NAME}: has more than the {self._most_bytes} bytes that are taken; cut it to the procedure or "
                "export it smaller",
                details={"field": _NAME, "most_bytes": self._most_bytes},
            )
        try:
            self._file.write(data)
        except OSError as error:
            raise self._full(error) from error
        self._hash.update(data)
        self._bytes += len(data)
        if self._container is None and self._bytes >= HEAD:
            self._container = self._sniffed()

    def finish(self) -> Spooled:
        """Insist that it is whole, and give it."""
        container = self._sniffed()
        self._file.close()
        path = self.folder / _NAME
        if container is Container.MP4:
            try:
                inspect(path, self._bytes, Limits())
            except VideoError as error:
                raise _refused(error) from None
        return Spooled(path, self._hash.hexdigest(), self._bytes, container)

    def discard(self) -> None:
        """Remove it."""
        with suppress(OSError):
            self._file.close()
        rmtree(self.folder, ignore_errors=True)

    def _sniffed(self) -> Container:
        try:
            self._file.flush()
            container, _ = sniff(self.folder / _NAME, Limits(max_bytes=self._most_bytes))
        except OSError as error:
            raise self._full(error) from error
        except VideoError as error:
            raise _refused(error) from None
        return container

    def _full(self, error: OSError) -> StoreUnavailableError:
        return StoreUnavailableError(f"uploads cannot be written ({error.strerror}); see to the disk of OVPO_HOME")


def _refused(error: VideoError) -> ApiError:
    if error.code in _BROKEN:
        return unusable(_NAME, str(error), reason_code=error.code)
    details = {"field": _NAME, "reason_code": error.code}
    return ApiError(Code.UNSUPPORTED_MEDIA_TYPE, f"{_NAME}: {error}", details=details)
