# SPDX-License-Identifier: Apache-2.0
"""Which keys an object may have: those that mean the same in a folder, in GCS and in S3. Pure."""

import re
from typing import Final

from ovpo.foundation.objects.errors import ObjectStoreError

MAX_KEY_BYTES: Final = 1024
MAX_SEGMENT_BYTES: Final = 240
_STAGED = re.compile(r"#\d+$")


def checked_key(key: str) -> str:
    """Return the key, or say what is wrong with it."""
    if fault := _fault(key):
        raise ObjectStoreError(f"object key {key[:100]!r}: {fault}")
    return key


def checked_prefix(prefix: str) -> str:
    """Return the prefix, which is a key that may be empty and may end in a slash."""
    return checked_key(prefix.removesuffix("/")) if prefix else prefix


def _fault(key: str) -> str | None:
    if not key.isprintable():
        return "takes printable characters only"
    if not 0 < len(key.encode()) <= MAX_KEY_BYTES:
        return f"takes 1 to {MAX_KEY_BYTES} bytes"
    if _STAGED.search(key):
        return "may not end in # and digits: a folder keeps unfinished objects under such names"
    for segment in key.split("/"):
        if segment in {"", ".", ".."}:
            return "takes segments joined by single slashes, none of them empty, . or .."
        if len(segment.encode()) > MAX_SEGMENT_BYTES:
            return f"takes segments of at most {MAX_SEGMENT_BYTES} bytes"
    return None
