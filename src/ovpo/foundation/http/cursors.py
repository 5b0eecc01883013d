# SPDX-License-Identifier: Apache-2.0
"""Cursors as text: base64url of JSON, read back as if a stranger had made it, and good for a day. Pure.

What a place in a list is, and whose list it is, is the business of the list.
"""

import binascii
from base64 import b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

LIFE: Final = timedelta(hours=24)
_AHEAD: Final = timedelta(minutes=5)
"""How far the clock of the process that made a cursor may be ahead of that of the one that reads it."""
_DIGEST_BYTES: Final = 9
NOT_OURS: Final = "is none that this API gave; take `next_cursor` of the page before, unchanged"
Text = TypeVar("Text", bound=Struct)


class CursorError(Exception):
    """A cursor cannot be followed; the message says what to do."""


def spelled(text: Struct) -> str:
    """Write a cursor."""
    return urlsafe_b64encode(msgspec.json.encode(text)).decode().rstrip("=")


def parsed(cursor: str, kind: type[Text]) -> Text:
    """Read what a cursor says, if it says what this kind does."""
    try:
        raw = b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=kind)
    except (binascii.Error, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
        raise CursorError(NOT_OURS) from None


def check_age(issued_at: datetime, now: datetime) -> None:
    """Refuse a cursor that is too old, or of a time to come."""
    try:
        is_young = now - LIFE <= issued_at <= now + _AHEAD
    except OverflowError:
        raise CursorError(NOT_OURS) from None
    if not is_young:
        raise CursorError("is older than 24 hours; begin without a cursor")


def digest(text: str) -> str:
    """Name something in a cursor without telling it."""
    return blake2b(text.encode(errors="backslashreplace"), digest_size=_DIGEST_BYTES).hexdigest()
