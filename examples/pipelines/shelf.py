# SPDX-License-Identifier: Apache-2.0
"""Where a run's files go and by which URIs a trace refers to them: a folder, or the folder store of an OVPO stack."""

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that is complete."""

    path: Path
    uri: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder and the URI that stands for it."""

    folder: Path
    uri: str

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        """Refer to files by where they are on this machine."""
        return cls(folder.absolute(), folder.absolute().as_uri())

    @classmethod
    def of_store(cls, objects: Path, tenant: str) -> Self:
        """Refer to files as objects of a tenant; the folder is the root of the stack's store, `<OVPO_HOME>/objects`."""
        return cls(objects.absolute() / "tenants" / tenant / "examples", f"ovpo://tenants/{tenant}/examples")

    def below(self, name: str) -> "Shelf":
        """Give the shelf of one run."""
        return Shelf(self.folder / name, f"{self.uri}/{name}")

    def write(self, name: str, data: bytes) -> Stored:
        """Write a file, in whole or not at all; the store passes over names that end in # and digits."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}#{os.getpid()}")
        unfinished.write_bytes(data)
        unfinished.replace(path)
        return Stored(path, f"{self.uri}/{name}", sha256(data).hexdigest(), len(data))
