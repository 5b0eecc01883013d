# SPDX-License-Identifier: Apache-2.0
"""The inbox as the work sees it, and the choice of its kind: a folder of this machine, or a prefix of a bucket."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from ovpo.foundation.objects.connect import open_bucket
from ovpo.foundation.objects.errors import ObjectStoreError
from ovpo.foundation.settings.faults import SettingsError, variable
from ovpo.foundation.settings.tree import Settings
from ovpo.sop.intake.folder import FolderInbox
from ovpo.sop.intake.found import Found, Scan
from ovpo.sop.intake.prefix import PrefixInbox
from ovpo.sop.intake.receipts import Receipt

SETTING: Final = variable(("sop", "inbox"))


class Inbox(Protocol):
    """Where videos are laid that are to be taken in by themselves."""

    def scan(self, most: int) -> Scan:
        """Give what has stopped changing, the longest unchanged first, at most so many."""
        ...

    def look(self, path: str) -> Found | None:
        """Look at one plain file, settled or not; None where there is none."""
        ...

    def open(self, found: Found) -> Iterator[bytes]:
        """Read a file piece by piece; raise ArrivalGoneError unless it is the one that was found, to its end."""
        ...

    def accept(self, found: Found, receipt: Receipt) -> None:
        """Move a file to `processed`, with its receipt; what is there no more, or is another, stays as it is."""
        ...

    def refuse(self, found: Found, receipt: Receipt) -> None:
        """Move a file, folder or link to `failed`, with its receipt; a link is moved itself, never what it names."""
        ...


def open_inbox(settings: Settings) -> Inbox:
    """Open the inbox that the settings name; the folder below OVPO_HOME is made, another has to be there."""
    chosen = settings.sop.inbox
    if not chosen:
        own = settings.home / "inbox"
        own.mkdir(mode=0o700, parents=True, exist_ok=True)
        return FolderInbox(own, settings.sop.settle_seconds)
    scheme, is_url, rest = chosen.partition("://")
    if not is_url:
        return FolderInbox(Path(chosen), settings.sop.settle_seconds)
    bucket, _, prefix = rest.partition("/")
    try:
        store = open_bucket(scheme, bucket, settings.objects, settings.artifacts)
    except ObjectStoreError as error:
        raise SettingsError([f"{SETTING}: {error}"]) from error
    return PrefixInbox(store, prefix.strip("/"), settings.home / "copies")
