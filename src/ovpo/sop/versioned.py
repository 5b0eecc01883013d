# SPDX-License-Identifier: Apache-2.0
"""JSON files that say which version of their schema they keep; of another major version nothing else is believed."""

from typing import TypeVar

import msgspec
from msgspec import Struct

T = TypeVar("T")


class OtherVersionError(Exception):
    """A file keeps another version of its schema; `found` is which."""

    def __init__(self, found: str) -> None:
        super().__init__(found)
        self.found = found


class _Version(Struct, frozen=True):
    schema_version: str


def decode(text: bytes, kind: type[T], version: str) -> T:
    """Read a file of this version; raise OtherVersionError or msgspec.DecodeError."""
    found = msgspec.json.decode(text, type=_Version).schema_version
    if found.partition(".")[0] != version.partition(".")[0]:
        raise OtherVersionError(found)
    return msgspec.json.decode(text, type=kind)
