# SPDX-License-Identifier: Apache-2.0
"""Starting and ending one process together with everything that it started: each child leads a group of its own."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import psutil

from ovpo.foundation.settings.load import inherited_environment
from ovpo.foundation.stack.parts.kinds import Process
from ovpo.foundation.stack.state import Identity
from ovpo.foundation.stack.unprivileged import become

LARGEST_LOG = 20 * 1024 * 1024
POLL_SECONDS = 0.05


async def spawn(part: Process, log: Path) -> asyncio.subprocess.Process:
    """Start a part with its output appended to its log, which is turned over when it has grown large."""
    with _opened(log) as out:
        return await asyncio.create_subprocess_exec(
            *part.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**inherited_environment(), **part.environment},
            **become(part.user),
            start_new_session=True,
        )


def _opened(log: Path) -> BinaryIO:
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".log.1"))
    return log.open("ab")


def identify(pid: int) -> Identity | None:
    """Tell a live process from others that had or will have its pid."""
    try:
        return Identity(pid, psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def lives(identity: Identity) -> bool:
    """Tell whether this very process still runs."""
    try:
        process = psutil.Process(identity.pid)
        return process.create_time() == identity.created and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end(identity: Identity, ask: signal.Signals, patience: float, wait: Callable[[float], None] = time.sleep) -> None:
    """Ask a process to stop, wait for it, and end what is left of its group."""
    if lives(identity):
        os.kill(identity.pid, ask)
        deadline = time.monotonic() + patience
        while lives(identity) and time.monotonic() < deadline:
            wait(POLL_SECONDS)
    for pid in left_of_group(identity):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def left_of_group(identity: Identity) -> list[int]:
    """List the processes of the group that a child led, though it may be dead itself, and of no other group.

    A pid is not given away while a group bears it; if another process has it now, our group is gone.
    """
    leader = identify(identity.pid)
    if leader is not None and leader != identity:
        return []
    return [pid for pid in psutil.pids() if _group_of(pid) == identity.pid]


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def end_group(leader: int) -> None:
    """End every process of a group that a child led; a group that is gone is fine."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return
