# SPDX-License-Identifier: Apache-2.0
"""What a part of the stack is: a process that is kept running, or a task that is done once. Frozen values only."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Listener:
    """Where a process listens, and the setting that moves it."""

    host: str
    port: int
    variable: str


def nothing() -> None:
    """Prepare nothing."""


@dataclass(frozen=True, slots=True)
class Process:
    """A child that is started, watched, restarted when it dies, and stopped."""

    name: str
    title: str
    command: tuple[str, ...]
    listener: Listener | None
    ready: Callable[[], object]
    address: str
    needs: frozenset[str] = frozenset()
    prepare: Callable[[], None] = nothing
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """Something that must be done before those parts start that need it; may be repeated at every start."""

    name: str
    title: str
    run: Callable[[], str]
    needs: frozenset[str] = frozenset()


Part = Process | Task
