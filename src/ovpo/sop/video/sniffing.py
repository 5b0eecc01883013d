# SPDX-License-Identifier: Apache-2.0
"""What a file is by its first bytes, never by its name; whatever is no video container is refused by what it is."""

from enum import StrEnum
from pathlib import Path
from typing import Final

from ovpo.sop.errors import VideoError
from ovpo.sop.video.limits import Limits

HEAD: Final = 4096
"""How many bytes are looked at; twenty packets of a transport stream are 3760."""


class Container(StrEnum):
    """The containers that are read; the value is for people."""

    MP4 = "mp4"
    MATROSKA = "matroska"
    WEBM = "webm"
    AVI = "avi"
    MPEG_TS = "mpeg-ts"
    MPEG_PS = "mpeg-ps"
    OGG = "ogg"
    ASF = "asf"
    FLV = "flv"


_BOXES: Final = frozenset({b"ftyp", b"moov", b"mdat", b"moof", b"styp", b"free", b"skip", b"wide", b"pnot"})
_PICTURE_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"mif2", b"avif", b"crx ", b"jxl ", b"jp2 ")
_EXPORT: Final = "give the video itself, for example as MP4"
_REFUSED: Final = (
    ("image", "a picture", (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP  ")),
    ("image", "a picture", (b"\0\0\0\x0cJXL ", b"\xff\x0a", b"8BPS", b"\0\0\x01\0")),
    (
        "audio",
        "sound without pictures",
        (b"ID3", b"fLaC", b"\xff\xfb", b"\xff\xf3", b"\xff\xf1", b"\xff\xf9", b"#!AMR"),
    ),
    (
        "archive",
        "an archive",
        (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!\x1a", b"BZh", b"\xfd7zXZ"),
    ),
    ("archive", "compressed data", (b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18")),
    ("document", "a document", (b"%PDF", b"\xd0\xcf\x11\xe0", b"{\\rtf")),
    ("program", "a program", (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe")),
)
_RAW: Final = (
    *(
        start + unit
        for start in (b"\0\0\0\x01", b"\0\0\x01")
        for unit in (b"\x67", b"\x27", b"\x47", b"\x09", b"\x40\x01")
    ),
    b"\0\0\x01\xb3",
    b"\0\0\x01\xb0",
    b"YUV4MPEG2",
    b"DKIF",
)
_TEXT_BYTES: Final = frozenset({7, 8, 9, 10, 12, 13, 27, *range(0x20, 0x7F), *range(0x80, 0x100)})


def sniff(path: Path, limits: Limits) -> tuple[Container, int]:
    """Name a file's container and its size; raise VideoError unless it is one that is read and not too large."""
    name = path.name
    try:
        if not path.exists():
            raise VideoError("missing", f"{name}: there is no such file; check the path")
        if not path.is_file():
            raise VideoError("not_a_file", f"{name} is not a plain file; give the path of a video")
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise VideoError(
            "not_readable", f"{name} cannot be opened ({error.strerror}); check who may read it"
        ) from error
    if not size:
        raise VideoError("empty", f"{name} is empty; copy or record it again")
    if size > limits.max_bytes:
        raise VideoError(
            "too_many_bytes",
            f"{name} has {size:,} bytes, {limits.max_bytes:,} are allowed; make a smaller copy or raise max_bytes",
        )
    return container_of(name, head), size


def container_of(name: str, head: bytes) -> Container:
    """Name a container by its first bytes; `name` is what an error calls the file."""
    if head[4:8] in _BOXES:
        if head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS:
            raise _refusal(name, "image", "a picture")
        return Container.MP4
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return Container.WEBM if b"webm" in head[:64] else Container.MATROSKA
    if head.startswith(b"RIFF"):
        return _riff(name, head)
    if head.startswith(b"\0\0\x01\xba"):
        return Container.MPEG_PS
    if head.startswith(b"OggS"):
        return Container.OGG
    if head.startswith(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"):
        return Container.ASF
    if head.startswith(b"FLV\x01"):
        return Container.FLV
    if _is_transport_stream(head):
        return Container.MPEG_TS
    raise _unknown(name, head)


def _riff(name: str, head: bytes) -> Container:
    form = head[8:12]
    if form in (b"AVI ", b"AVIX"):
        return Container.AVI
    if form == b"WAVE":
        raise _refusal(name, "audio", "sound without pictures")
    if form == b"WEBP":
        raise _refusal(name, "image", "a picture")
    raise _refusal(name, "unknown", "no video that is known here")


def _is_transport_stream(head: bytes) -> bool:
    """Look for the sync byte of every packet; Blu-ray and some cameras put four bytes before each."""
    for first, length in ((0, 188), (4, 192)):
        syncs = head[first::length]
        if len(syncs) >= 2 and set(syncs) == {0x47}:
            return True
    return False


def _unknown(name: str, head: bytes) -> VideoError:
    if head.startswith(_RAW):
        return VideoError(
            "raw_video",
            f"{name} is a bare stream of pictures that says nothing of their times; "
            "put it into a container, for example with: ffmpeg -i IN -c copy OUT.mp4",
        )
    for code, what, starts in _REFUSED:
        if head.startswith(starts):
            return _refusal(name, code, what)
    if not head.strip(b"\0"):
        return VideoError("blank", f"{name} begins with nothing but zeros: it was not copied in full; copy it again")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:256].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml", b"<error")):
        return VideoError(
            "web_page",
            f"{name} is a page or a message of a web server, not a video; sign in there and fetch it again",
        )
    if start.startswith((b"#extm3u", b"[playlist]")):
        return VideoError("playlist", f"{name} is a list of videos; {_EXPORT}")
    if _TEXT_BYTES.issuperset(head) or head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _refusal(name, "text", "text")
    return _refusal(name, "unknown", "no video that is known here")


def _refusal(name: str, code: str, what: str) -> VideoError:
    return VideoError(code, f"{name} is {what}; {_EXPORT}")
