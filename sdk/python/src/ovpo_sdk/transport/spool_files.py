# SPDX-License-Identifier: Apache-2.0
"""One chunk as one file of the spool: its name, its header, how it is written at once and read back.

Nothing of folders, of who owns a file or of how much there may be.

A file is a line `ovpo-spool-1 <CRC-32 of the header> <header>` and the squeezed payload, whose CRC-32 the header holds.
Its name says what is asked of many files at a time, so that those need not be opened.
"""

import os
import re
import stat
import zlib
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Self

import msgspec

from ovpo_sdk.transport.chunks import Chunk, Lane

SUFFIX: Final = ".chunk"
PART_SUFFIX: Final = ".part"
BLOCK_BYTES: Final = 4096
"""What file systems give to files: one of 1 byte takes as much."""
_MARK: Final = b"ovpo-spool-1"
_HEADER_BYTES: Final = 4_000_000
"""More than any header: a thousand traces of a chunk are 45 kB."""
_NAME: Final = re.compile(r"([0-9a-f]{16})\.([op])\.([0-9a-f]{1,8})\.([0-9a-f]{1,10})\.([0-9a-f]{8})\.chunk")


class CorruptFileError(Exception):
    """A file that is not what was once written under its name."""


class FileName(NamedTuple):
    """What a file is called: names sort by age, and no two processes give the same."""

    stamp: int
    """When it was made, in nanoseconds, or one more than the last of the same process if that is later."""
    lane: Lane
    items: int
    size: int
    maker: str

    def __str__(self) -> str:
        return f"{self.stamp:016x}.{self.lane}.{self.items:x}.{self.size:x}.{self.maker}{SUFFIX}"

    @property
    def disk_bytes(self) -> int:
        """How much of the disk the file takes."""
        return -(-self.size // BLOCK_BYTES) * BLOCK_BYTES

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Read a name; None if it is no chunk's."""
        if (found := _NAME.fullmatch(name)) is None:
            return None
        stamp, lane, items, size, maker = found.groups()
        return cls(int(stamp, 16), Lane(lane), int(items, 16), int(size, 16), maker)


class Header(msgspec.Struct, frozen=True):
    """A chunk without its payload."""

    lane: Lane
    items: int
    spans: int
    raw_bytes: int
    frames_of: dict[str, int]
    checksum: int


def encode(chunk: Chunk) -> bytes:
    """Give a chunk as a file's content."""
    squeezed = chunk.squeeze()
    header = msgspec.json.encode(
        Header(
            chunk.lane, chunk.items, chunk.spans, chunk.raw_bytes, dict(chunk.frames_of), zlib.crc32(squeezed.payload)
        )
    )
    return b"%s %08x %s\n%s" % (_MARK, zlib.crc32(header), header, squeezed.payload)


def write(path: Path, content: bytes) -> None:
    """Write a file that is there as a whole or not at all, even if this process is killed meanwhile.

    It is in the page cache, not forced to the disk: a power cut may take it, or leave one that `read` finds corrupt.
    """
    part = path.with_suffix(PART_SUFFIX)
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            left = memoryview(content)
            while left:
                left = left[file.write(left) :]
        part.rename(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise


def read(path: Path) -> Chunk:
    """Read a chunk back; FileNotFoundError if it is gone, CorruptFileError if it is not what was written."""
    with _opened(path) as file:
        header = _header(file)
        payload = file.read()
    if zlib.crc32(payload) != header.checksum:
        raise CorruptFileError("its payload does not fit its checksum")
    return Chunk(header.lane, payload, header.items, header.spans, header.raw_bytes, header.frames_of, squeezed=True)


def read_header(path: Path) -> Header:
    """Read what a file says of its chunk, without the payload; the errors of `read`."""
    with _opened(path) as file:
        return _header(file)


def _opened(path: Path) -> BinaryIO:
    # O_NONBLOCK: a pipe under a chunk's name would otherwise hold whoever opens it.
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    found, name = os.fstat(file.fileno()), FileName.parse(path.name)
    if not stat.S_ISREG(found.st_mode) or name is None or found.st_size != name.size:
        file.close()
        raise CorruptFileError(f"it has {found.st_size} bytes, and its name says otherwise")
    return file


def _header(file: BinaryIO) -> Header:
    mark, _, rest = file.readline(_HEADER_BYTES).partition(b" ")
    checksum, _, text = rest.partition(b" ")
    if mark != _MARK or checksum != b"%08x" % zlib.crc32(text.removesuffix(b"\n")):
        raise CorruptFileError("its header does not fit its checksum")
    try:
        return msgspec.json.decode(text, type=Header)
    except msgspec.MsgspecError as error:
        raise CorruptFileError(f"its header is none: {error}") from error
