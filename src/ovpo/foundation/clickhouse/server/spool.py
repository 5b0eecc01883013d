# SPDX-License-Identifier: Apache-2.0
"""The folder beside the data for what is too large for memory: rows on their way in, results on their way out.

Every file in it lives as long as its query; what a killed process left is removed at the next start.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, cast
from uuid import uuid4

from ovpo.foundation.clickhouse.server.errors import no_space

CHUNK = 1 << 20
_IN_MEMORY = 1 << 20


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn a full disk into a QueryError."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise no_space() from error
        raise


def prove_room(file: IO[bytes]) -> None:
    """Raise where the disk is full behind a file the engine wrote: the engine itself says nothing and cuts it off."""
    end = file.seek(0, 2)
    with disk_errors():
        file.write(bytes(CHUNK))
        file.flush()
    file.truncate(end)
    file.seek(0)


class Spool:
    """The folder for what is too large for memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def sweep(self) -> int:
        """Remove what an earlier process left; the number of files removed."""
        stale = [path for path in self.folder.iterdir() if path.is_file()]
        for path in stale:
            path.unlink()
        return len(stale)

    def new_path(self, kind: str) -> Path:
        """The path of a file that does not exist yet, with nothing of the user's in its name."""
        return self.folder / f"{uuid4().hex}.{kind}"

    def buffer(self) -> IO[bytes]:
        """A buffer that moves to the disk when it grows."""
        return cast("IO[bytes]", SpooledTemporaryFile(max_size=_IN_MEMORY, dir=str(self.folder)))
