# SPDX-License-Identifier: Apache-2.0
"""A form with files (multipart/form-data, RFC 7578) read as it comes, so that no file is ever held in memory. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.utils import collapse_rfc2231_value
from enum import Enum
from typing import Final

MOST_HEADER_BYTES: Final = 8192
MOST_PARTS: Final = 20
_MOST_BOUNDARY: Final = 70
_MOST_PADDING: Final = 200
_BREAK: Final = b"\r\n"


class FormError(Exception):
    """The body is no form that can be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Began:
    """A part begins: its field's name, and its file's name where it is one."""

    name: str
    file: str | None


@dataclass(frozen=True, slots=True)
class Data:
    """Some bytes of the part."""

    data: bytes


class Ended:
    """The part is complete."""


Event = Began | Data | Ended


class _At(Enum):
    PREAMBLE = "preamble"
    BOUNDARY = "boundary"
    HEADERS = "headers"
    PART = "part"
    END = "end"


def boundary_of(content_type: str) -> bytes | None:
    """Give the boundary that a Content-Type names; none where it is of no form."""
    if content_type.partition(";")[0].strip().lower() != "multipart/form-data":
        return None
    said = _parameter("content-type", content_type, "boundary")
    if not said or len(said) > _MOST_BOUNDARY or not said.isascii() or not said.isprintable() or said.endswith(" "):
        raise FormError(f"Content-Type: takes a boundary of 1 to {_MOST_BOUNDARY} visible characters")
    return said.encode()


class Form:
    """Reads a form piece by piece."""

    def __init__(self, boundary: bytes) -> None:
        self._mark = _BREAK + b"--" + boundary
        self._held = bytearray(_BREAK)
        self._at = _At.PREAMBLE
        self._parts = 0

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take the next bytes, and give what they tell."""
        self._held += data
        steps = {
            _At.PREAMBLE: self._skip_preamble,
            _At.BOUNDARY: self._pass_boundary,
            _At.HEADERS: self._headers,
            _At.PART: self._content,
            _At.END: self._leave_epilogue,
        }
        while (events := steps[self._at]()) is not None:
            yield from events

    def finish(self) -> None:
        """Insist that the form was whole."""
        if self._at is not _At.END:
            raise FormError("the form breaks off before its last boundary; send it again")

    def _skip_preamble(self) -> list[Event] | None:
        """Pass what stands before the first boundary; None, here and below, where more bytes are needed."""
        found = self._held.find(self._mark)
        if found < 0:
            del self._held[: max(0, len(self._held) - len(self._mark))]
            return None
        return self._passed(found)

    def _pass_boundary(self) -> list[Event] | None:
        if self._held.startswith(b"--"):
            self._at = _At.END
            return []
        end = self._held.find(_BREAK)
        if end < 0 and len(self._held) <= _MOST_PADDING:
            return None
        if end < 0 or self._held[:end].strip(b" \t"):
            raise FormError("a boundary is followed by something else than a line break")
        del self._held[: end + len(_BREAK)]
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise FormError(f"the form has more than {MOST_PARTS} parts")
        self._at = _At.HEADERS
        return []

    def _headers(self) -> list[Event] | None:
        end = self._held.find(_BREAK * 2)
        if end > MOST_HEADER_BYTES or (end < 0 and len(self._held) > MOST_HEADER_BYTES):
            raise FormError(f"a part has more than {MOST_HEADER_BYTES} bytes of headers")
        if end < 0:
            return None
        began = _began(bytes(self._held[:end]))
        del self._held[: end + 2 * len(_BREAK)]
        self._at = _At.PART
        return [began]

    def _content(self) -> list[Event] | None:
        found = self._held.find(self._mark)
        if found >= 0:
            data = bytes(self._held[:found])
            self._passed(found)
            return [Data(data), Ended()] if data else [Ended()]
        sure = max(0, len(self._held) - len(self._mark) + 1)
        data = bytes(self._held[:sure])
        del self._held[:sure]
        return [Data(data)] if data else None

    def _leave_epilogue(self) -> list[Event] | None:
        self._held.clear()
        return None

    def _passed(self, found: int) -> list[Event]:
        del self._held[: found + len(self._mark)]
        self._at = _At.BOUNDARY
        return []


def _began(headers: bytes) -> Began:
    try:
        lines = headers.decode().split("\r\n")
    except UnicodeDecodeError:
        raise FormError("a part has headers that are no UTF-8") from None
    pairs = (line.partition(":") for line in lines)
    said = {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}
    disposition = said.get("content-disposition", "")
    name = _parameter("content-disposition", disposition, "name")
    if disposition.partition(";")[0].strip().lower() != "form-data" or not name:
        raise FormError("a part has no Content-Disposition: form-data with a name")
    return Began(name, _parameter("content-disposition", disposition, "filename"))


def _parameter(header: str, value: str, name: str) -> str | None:
    message = Message()
    try:
        message[header] = value
        found = message.get_param(name, header=header)
        return None if found is None else collapse_rfc2231_value(found)
    except (ValueError, LookupError, TypeError):
        # A TypeError where a parameter comes both whole and in numbered pieces, which email.utils tries to sort.
        raise FormError(f"{header} cannot be read") from None
