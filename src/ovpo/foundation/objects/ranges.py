# SPDX-License-Identifier: Apache-2.0
"""Which bytes of an object a request asks for, by its headers Range and If-Range (RFC 9110, section 14). Pure."""

import re
from dataclasses import dataclass
from typing import Final

_ONE: Final = re.compile(r"bytes[ \t]*=[ \t,]*([0-9]{0,40})-([0-9]{0,40})[ \t,]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes from `start` up to, not including, `stop`."""

    start: int
    stop: int


class Unsatisfiable:
    """The object has none of the bytes that were asked for."""


def asked(header: str | None, size: int) -> Part | Unsatisfiable | None:
    """Tell which part of an object of this size is asked for; None for the whole.

    Several ranges at once, other units and what cannot be understood are answered with the whole, as the RFC allows.
    """
    found = _ONE.fullmatch(header.strip(" \t")) if header is not None else None
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        last = min(int(found[2]), size)
        return Part(size - last, size) if last else Unsatisfiable()
    start, stop = int(found[1]), min(int(found[2]) + 1, size) if found[2] else size
    if found[2] and int(found[2]) < start:
        return None
    return Part(start, stop) if start < size else Unsatisfiable()


def is_current(if_range: str | None, etag: str | None) -> bool:
    """Tell whether a part still fits what the client has; a date, exact to a second only, never proves that."""
    return if_range is None or (etag is not None and if_range.strip(" \t") == etag)


def is_known(if_none_match: str | None, etag: str | None) -> bool:
    """Tell whether the client has the object as it is."""
    if if_none_match is None or etag is None:
        return False
    names = [name.strip(" \t").removeprefix("W/") for name in if_none_match.split(",")]
    return etag in names or names == ["*"]
