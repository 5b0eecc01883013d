# SPDX-License-Identifier: Apache-2.0
"""What a supervisor says about itself and its children: frozen values, kept in one file that is replaced whole."""

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import msgspec


class Phase(StrEnum):
    """Where the stack as a whole is."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class Condition(StrEnum):
    """Where one part is."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Identity:
    """A process for certain: a pid alone may have been given to another since."""

    pid: int
    created: float


@dataclass(frozen=True, slots=True)
class PartState:
    """What is known of one part."""

    name: str
    title: str
    address: str
    condition: Condition
    since: float
    identity: Identity | None = None
    restarts: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class StackState:
    """What is known of a stack."""

    supervisor: Identity
    phase: Phase
    started: float
    parts: tuple[PartState, ...]
    message: str = ""

    def with_part(self, part: PartState) -> "StackState":
        """Replace one part."""
        return replace(self, parts=tuple(part if known.name == part.name else known for known in self.parts))

    def part(self, name: str) -> PartState:
        """Find one part."""
        return next(part for part in self.parts if part.name == name)


def write(file: Path, state: StackState) -> None:
    """Replace the file."""
    scratch = file.with_suffix(".new")
    scratch.write_bytes(msgspec.json.encode(state))
    scratch.replace(file)


def read(file: Path) -> StackState | None:
    """Read the file, if a stack of this version ever ran here."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=StackState)
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return None
