# SPDX-License-Identifier: Apache-2.0
"""What a look into the inbox finds, which names it passes over, and when two finds are one. Pure."""

import os
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid5

from ovpo.sop.intake.errors import IntakeError

PROCESSED: Final = "processed"
FAILED: Final = "failed"
OURS: Final = frozenset({PROCESSED, FAILED})
"""Folders at the top of the inbox that hold what was dealt with."""
RECEIPT: Final = ".json"
MOST_PATH_BYTES: Final = 4000
_VIDEOS: Final = UUID("5f0d6f1e-9d0c-4a55-8f0e-1f6d0c7d1c53")
_UNFINISHED: Final = re.compile(
    r"\..*|~\$.*|.*~|thumbs\.db|desktop\.ini|.*\.(json|part|partial|filepart|tmp|temp|crdownload|download)",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Found:
    """Something in the inbox that has stopped changing; `fault` says why it cannot be taken, where it cannot."""

    path: str
    """Below the inbox, with slashes."""
    size: int
    changed_ns: int
    etag: str | None = None
    """What a bucket calls this content; no part of the digest, as listings and single looks may differ in it."""
    fault: IntakeError | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def digest(self) -> str:
        """Name this arrival: another content or another place makes another one."""
        facts = f"|{self.size}|{self.changed_ns}".encode()
        return sha256(os.fsencode(self.path) + facts).hexdigest()


@dataclass(frozen=True, slots=True)
class Scan:
    """What a look into the inbox found, the longest unchanged first."""

    found: tuple[Found, ...]
    growing: int = 0
    """Files that changed a moment ago and are left for a later look."""
    untouchable: int = 0
    """Names that can be neither read nor moved through the interface of their store."""


def is_passed_over(name: str) -> bool:
    """Tell whether a file or folder is left alone: hidden, not finished by whoever copies it, or a receipt."""
    return _UNFINISHED.fullmatch(name) is not None


def name_fault(path: str) -> IntakeError | None:
    """Say why a path cannot go on record."""
    if not path.isprintable():
        return IntakeError(
            "bad_name", "the path has characters that cannot be printed or are no UTF-8; rename the file or its folder"
        )
    if len(path.encode()) > MOST_PATH_BYTES:
        return IntakeError("bad_name", f"the path has more than {MOST_PATH_BYTES} bytes; lay the file less deep")
    return None


def video_id_of(tenant_id: str, digest: str) -> UUID:
    """Name the video that an arrival becomes: each repeat of the work writes the same keys."""
    return uuid5(_VIDEOS, f"{tenant_id}|{digest}")
