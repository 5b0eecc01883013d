# SPDX-License-Identifier: Apache-2.0
"""Where an artifact's URI leads, read strictly: what could mean two things to two readers is refused. Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import unquote_to_bytes

from ovpo.foundation.objects.errors import ObjectStoreError
from ovpo.foundation.objects.keys import checked_key
from ovpo.telemetry.artifacts.errors import UnusableUriError

LONGEST: Final = 2048
_URI: Final = re.compile(r"(s3|gs|azure|https|ovpo|file)://([!#-;=?-\[\]_a-z~]*)")
_HOST: Final = re.compile(r"[^/?#@]+(?:[/?#].*)?")
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Scheme(StrEnum):
    """How an artifact is reached."""

    S3 = "s3"
    GS = "gs"
    AZURE = "azure"
    HTTPS = "https"
    OVPO = "ovpo"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Location:
    """A place: a bucket or container where the scheme has such, and the names that lead on from there."""

    scheme: Scheme
    bucket: str
    names: tuple[str, ...]

    @property
    def key(self) -> str:
        """Give the names as an object's key."""
        return "/".join(self.names)

    def beneath(self, other: "Location") -> tuple[str, ...] | None:
        """Give the names that lead here from another place, None where none do."""
        depth = len(other.names)
        same = (self.scheme, self.bucket, self.names[:depth]) == (other.scheme, other.bucket, other.names)
        return self.names[depth:] if same else None


def location(uri: str) -> Location:
    """Tell where a URI leads; one of https leads where it says, and has no names of ours."""
    scheme, rest = _split(uri)
    if scheme is Scheme.HTTPS:
        if not _HOST.fullmatch(rest):
            raise UnusableUriError("an https URI needs a host, and no user before it")
        return Location(scheme, "", ())
    found = place(uri)
    if not found.names or rest.endswith("/"):
        raise UnusableUriError("the URI names no object")
    return found


def place(uri: str) -> Location:
    """Tell where a URI leads that may end at a bucket or a folder."""
    scheme, rest = _split(uri)
    if set(rest) & set("?#"):
        raise UnusableUriError("the URI may have no query and no fragment")
    bucket, _, path = ("", "", rest) if scheme is Scheme.OVPO else rest.partition("/")
    if scheme is Scheme.FILE and bucket:
        raise UnusableUriError("a file URI names no host: file:///folder/file")
    if scheme in {Scheme.S3, Scheme.GS, Scheme.AZURE} and not _BUCKET.fullmatch(bucket):
        raise UnusableUriError(f"{bucket[:80]!r} is no name of a bucket")
    return Location(scheme, bucket, _names(path.removesuffix("/")) if path else ())


def _split(uri: str) -> tuple[Scheme, str]:
    found = _URI.fullmatch(uri) if len(uri) <= LONGEST else None
    if found is None:
        raise UnusableUriError("takes a URI of s3, gs, azure, https, ovpo or file in plain ASCII, others as %XX")
    return Scheme(found[1]), found[2]


def _names(path: str) -> tuple[str, ...]:
    """Undo the escapes once, within each name: an escaped slash separates nothing, so it is refused."""
    if _BAD_ESCAPE.search(path):
        raise UnusableUriError("a % that escapes nothing must be written %25")
    try:
        names = tuple(unquote_to_bytes(name).decode() for name in path.split("/"))
        if any("/" in name for name in names):
            raise UnusableUriError("a name in the URI may hold no escaped slash")
        checked_key("/".join(names))
    except UnicodeDecodeError as error:
        raise UnusableUriError("the escapes of the URI are no UTF-8") from error
    except ObjectStoreError as error:
        raise UnusableUriError(str(error)) from error
    return names
