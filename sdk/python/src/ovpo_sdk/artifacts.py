# SPDX-License-Identifier: Apache-2.0
"""Making references to what a run wrote. The files themselves stay where they are; a checksum says which they were.

Nothing here raises into a run: where something cannot be referred to, `Unsound` takes the reference's place, and what
it is handed to, a span or a trace, tells why and leaves it out (in strict mode it raises).
"""

import hashlib
import mimetypes
import os
import re
import stat
from collections.abc import Callable
from functools import wraps
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Final, ParamSpec, TypeVar
from urllib.parse import quote, urlsplit

from ovpo_sdk.errors import InvalidTelemetryError
from ovpo_sdk.records import ArtifactRef, IntermediateArtifact, Manifest, PrimaryOutput
from ovpo_sdk.shaping.frames import shaped_index
from ovpo_sdk.shaping.numbers import number
from ovpo_sdk.shaping.problems import is_sound_text
from ovpo_sdk.shaping.texts import NAME_CHARACTERS, WORD_CHARACTERS
from ovpo_sdk.shaping.unsound import Unsound
from ovpo_sdk.shaping.uris import uri_problem

Value = TypeVar("Value")
P = ParamSpec("P")
R = TypeVar("R")

_FORMAT_CHARACTERS: Final = 32
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_CHECKSUM: Final = re.compile(r"(?:sha256|md5):[a-f0-9]{32,64}")
_RESOLUTION: Final = re.compile(r"[0-9]+x[0-9]+")
_CONTENT_TYPES: Final = {
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".mkv": "video/x-matroska",
    ".npy": "application/octet-stream",
    ".npz": "application/zip",
    ".safetensors": "application/octet-stream",
}
"""What not every system's list of suffixes has."""


def _never_raising(build: Callable[P, R]) -> Callable[P, R | Unsound]:
    @wraps(build)
    def built(*args: P.args, **kwargs: P.kwargs) -> R | Unsound:
        try:
            return build(*args, **kwargs)
        except InvalidTelemetryError as error:
            return Unsound(f"{build.__name__}: {error}")
        except Exception as error:  # noqa: BLE001
            return Unsound(f"{build.__name__}: {type(error).__name__}; check the types and names of its arguments")

    return built


@_never_raising
def artifact(
    kind: str,
    uri: str,
    *,
    path: str | PathLike[str] | None = None,
    sha256: str | None = None,
    content_type: str | None = None,
    size_bytes: int | None = None,
    ttl_hours: int | None = None,
) -> ArtifactRef:
    """Refer to something about a frame: a thumbnail, a mask, a latent. Never raises; hand it to `span.frame`.

    Args:
        kind: what it is, for instance thumbnail.
        uri: where it lies: s3://, gs://, azure://, https://, ovpo:// or file://.
        path: the file, from which the checksum and the size are taken: it is read whole at this call, on this thread.
        sha256: its SHA-256 in lower-case hexadecimal.
        content_type: guessed from the suffix where it is not given.
        size_bytes: how large it is.
        ttl_hours: after how many hours it may be deleted.
    """

    _hold_uri("uri", uri)
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise InvalidTelemetryError(
            "sha256 is no 64 lower-case hexadecimal digits; write hashlib.sha256(…).hexdigest()"
        )
    if path is not None and sha256 is None:
        sha256, size_bytes = _read("path", path)
    return ArtifactRef(
        _word("kind", kind, WORD_CHARACTERS),
        uri,
        sha256,
        _optional(lambda text: _word("content_type", text, NAME_CHARACTERS), content_type or _content_type(uri, path)),
        _optional(lambda size: _count("size_bytes", size), size_bytes),
        _optional(_hours, ttl_hours),
    )


@_never_raising
def primary_output(
    url: str,
    *,
    path: str | PathLike[str] | None = None,
    format: str | None = None,  # noqa: A002 - the contract's word
    checksum: str | None = None,
    codec: str | None = None,
    resolution: str | None = None,
    duration_sec: float | None = None,
    file_size_bytes: int | None = None,
) -> PrimaryOutput:
    """Refer to the video that a run was for. Never raises; hand it to `manifest`.

    Args:
        url: where it lies: s3://, gs://, azure://, https://, ovpo:// or file://.
        path: the file, from which the checksum and the size are taken: it is read whole at this call, on this thread.
        format: the container, for instance mp4; the suffix of the path or the URL where it is not given.
        checksum: sha256: or md5: and the digest in lower-case hexadecimal; needed where there is no path.
        codec: for instance h264.
        resolution: width and height, for instance 1280x720.
        duration_sec: how long it plays.
        file_size_bytes: how large it is.
    """

    _hold_uri("url", url)
    container = format or _suffix(url, path).removeprefix(".").lower()
    if not container:
        raise InvalidTelemetryError("format is missing and the url has no suffix; write for instance format='mp4'")
    if resolution is not None and not _RESOLUTION.fullmatch(resolution):
        raise InvalidTelemetryError("resolution is no width and height; write for instance '1280x720'")
    if path is not None and checksum is None:
        digest, file_size_bytes = _read("path", path)
        checksum = f"sha256:{digest}"
    return PrimaryOutput(
        url,
        _word("format", container, _FORMAT_CHARACTERS),
        _checked_checksum(checksum),
        _optional(lambda text: _word("codec", text, WORD_CHARACTERS), codec),
        resolution,
        _optional(_duration, duration_sec),
        _optional(lambda size: _count("file_size_bytes", size), file_size_bytes),
    )


@_never_raising
def intermediate(
    kind: str,
    url: str,
    *,
    path: str | PathLike[str] | None = None,
    checksum: str | None = None,
    ttl_hours: int | None = None,
) -> IntermediateArtifact:
    """Refer to something else that a run wrote: latents, a preview, a mask. The arguments are those of the others.

    Never raises; hand it to `manifest`.
    """

    _hold_uri("url", url)
    if path is not None and checksum is None:
        checksum = f"sha256:{_read('path', path)[0]}"
    return IntermediateArtifact(
        _word("kind", kind, WORD_CHARACTERS), url, _checked_checksum(checksum), _optional(_hours, ttl_hours)
    )


def manifest(primary: PrimaryOutput | Unsound, *intermediates: IntermediateArtifact | Unsound) -> Manifest | Unsound:
    """Say what a run produced; hand it to `trace.output`. With a part that is unsound, so is the whole."""
    if isinstance(primary, Unsound):
        return primary
    sound: list[IntermediateArtifact] = []
    for one in intermediates:
        if isinstance(one, Unsound):
            return one
        sound.append(one)
    return Manifest(primary, tuple(sound))


def file_uri(path: str | PathLike[str]) -> str:
    """Spell a file's place on this machine as a URI, which the embedded stack alone takes.

    What is no path gives an empty text, which no builder takes for a place.
    """
    try:
        place = Path(path).absolute().as_posix()
        return f"file://{quote(os.fsencode(place if place.startswith('/') else f'/{place}'))}"
    except (OSError, TypeError, ValueError):
        return ""


def _read(field: str, path: str | PathLike[str]) -> tuple[str, int]:
    """Give a file's SHA-256 and size, a piece at a time."""
    file_path = Path(path)
    try:
        if not stat.S_ISREG(file_path.stat().st_mode):
            raise InvalidTelemetryError(f"{field} is no regular file; write the path of a finished file")
        with file_path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return digest, file.tell()
    except OSError as error:
        raise InvalidTelemetryError(
            f"{field} cannot be read ({error.strerror or type(error).__name__}); write the path of a finished file"
        ) from error


def _hold_uri(field: str, uri: str) -> None:
    message = uri_problem(uri)
    if message is not None:
        raise InvalidTelemetryError(f"{field} {message}")


def _suffix(uri: str, path: str | PathLike[str] | None) -> str:
    return (Path(path).suffix if path is not None else "") or PurePosixPath(urlsplit(uri).path).suffix


def _content_type(uri: str, path: str | PathLike[str] | None) -> str | None:
    suffix = _suffix(uri, path).lower()
    return _CONTENT_TYPES.get(suffix) or mimetypes.guess_type(f"name{suffix}")[0]


def _checked_checksum(checksum: str | None) -> str:
    if checksum is None:
        raise InvalidTelemetryError("checksum is missing; write path=… for it to be taken from the file, or 'sha256:…'")
    if not _CHECKSUM.fullmatch(checksum):
        raise InvalidTelemetryError("checksum is no 'sha256:' or 'md5:' and lower-case hexadecimal digits; write one")
    return checksum


def _word(field: str, text: object, most: int) -> str:
    if not isinstance(text, str) or not text or not is_sound_text(text):
        raise InvalidTelemetryError(f"{field} is no text, empty, or holds NUL; write a word")
    if len(text) > most:
        raise InvalidTelemetryError(f"{field} has {len(text)} characters, more than {most}; shorten it")
    return text


def _count(field: str, value: object) -> int | None:
    return shaped_index(value, _refuse, field)


def _duration(value: object) -> float:
    seconds = number(value)
    if seconds is None or seconds < 0:
        raise InvalidTelemetryError("duration_sec is no finite number from 0; write the length in seconds")
    return float(seconds)


def _hours(value: object) -> int | None:
    hours = shaped_index(value, _refuse, "ttl_hours")
    if hours == 0:
        raise InvalidTelemetryError("ttl_hours is 0; write 1 or more, or leave it out to keep the artifact")
    return hours


def _optional(hold: Callable[[Value], Value | None], value: Value | None) -> Value | None:
    return None if value is None else hold(value)


def _refuse(message: str) -> None:
    raise InvalidTelemetryError(message)
