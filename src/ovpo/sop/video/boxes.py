# SPDX-License-Identifier: Apache-2.0
"""The outermost structure of MP4 and QuickTime files, read before a decoder is: is the file whole, is its index sane.

An index of a few bytes can claim hundreds of millions of pictures, for which FFmpeg would set up 24 bytes each.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from ovpo.sop.errors import VideoError
from ovpo.sop.video.limits import Limits

_INSIDE: Final = frozenset({b"mdia", b"minf", b"stbl", b"traf"})
_TABLES: Final = frozenset({b"hdlr", b"stts", b"stsz", b"trun"})
_MOST_BOXES: Final = 1_000_000
"""A fragment has about ten; four hours in fragments of a second are 15 000."""
_MOST_TRACKS: Final = 64


class _Box(NamedTuple):
    kind: bytes
    body: int
    end: int


class _Claims:
    """What the parts of an index say they have, added up."""

    def __init__(self, name: str, limits: Limits) -> None:
        self._name, self._most = name, limits.max_pictures
        self._boxes = self._tracks = self._pieces = 0

    def box(self, box: _Box) -> None:
        self._boxes += 1
        self._tracks += box.kind == b"trak"
        if self._boxes > _MOST_BOXES or self._tracks > _MOST_TRACKS:
            raise VideoError(
                "bad_index",
                f"{self._name} has an index of {self._boxes:,} parts and {self._tracks} tracks; export the video again",
            )

    def pieces(self, count: int) -> None:
        self._pieces += count
        if count > self._most or self._pieces > self._most * _MOST_TRACKS:
            raise VideoError(
                "too_many_pictures",
                f"{self._name} claims {self._pieces:,} pictures, {self._most:,} are allowed; "
                "cut it or raise max_pictures",
            )


def inspect(path: Path, size: int, limits: Limits) -> None:
    """Raise VideoError if the file breaks off, has no index, or an index that claims more than is allowed."""
    claims, indexed = _Claims(path.name, limits), False
    with path.open("rb") as file:
        for box in _boxes(file, 0, size):
            claims.box(box)
            if box.end > size:
                raise VideoError(
                    "truncated",
                    f"{path.name} breaks off: {size:,} of at least {box.end:,} bytes are there; copy it again in full",
                )
            indexed = indexed or box.kind == b"moov"
            if box.kind in (b"moov", b"moof"):
                for track in _boxes(file, box.body, box.end):
                    claims.box(track)
                    if track.kind in (b"trak", b"traf"):
                        _check_track(file, track, claims)
    if not indexed:
        raise VideoError(
            "no_index",
            f"{path.name} has no index (moov), so its recording or its copying was cut short; copy it again in full, "
            "or let the camera's own program repair it",
        )


def _check_track(file: BinaryIO, track: _Box, claims: _Claims) -> None:
    tables: dict[bytes, bytes] = {}
    waiting = [track]
    while waiting:
        outer = waiting.pop()
        for box in _boxes(file, outer.body, outer.end):
            claims.box(box)
            if box.kind in _INSIDE and box.end <= outer.end:
                waiting.append(box)
            elif box.kind in _TABLES:
                file.seek(box.body)
                fields = file.read(16)
                tables.setdefault(box.kind, fields)
                if box.kind == b"trun":
                    claims.pieces(int.from_bytes(fields[4:8]))
    if not _is_plain_sound(tables):
        claims.pieces(int.from_bytes(tables.get(b"stsz", b"")[8:12]))


def _is_plain_sound(tables: dict[bytes, bytes]) -> bool:
    """Tell whether each piece is one value of uncompressed sound, which FFmpeg takes in larger chunks."""
    one_piece_each_tick = b"\0\0\0\x01", b"\0\0\0\x01"
    times = tables.get(b"stts", b"")
    return tables.get(b"hdlr", b"")[8:12] == b"soun" and (times[4:8], times[12:16]) == one_piece_each_tick


def _boxes(file: BinaryIO, first: int, end: int) -> Iterator[_Box]:
    """Walk the boxes that follow one another; the last may say that it ends behind `end`."""
    at = first
    while at + 8 <= end:
        file.seek(at)
        head = file.read(16)
        kind, length, header = head[4:8], int.from_bytes(head[:4]), 8
        if length == 1:
            length, header = int.from_bytes(head[8:16]), 16
        elif length == 0:
            length = end - at
        if length < header or not kind.strip(b"\0"):
            return
        yield _Box(kind, at + header, at + length)
        at += length
