# SPDX-License-Identifier: Apache-2.0
"""The one error of the stack: a line for the person who started it."""

import errno
from pathlib import Path


class StackError(Exception):
    """The stack cannot do what it was asked; the message is one line that says what to change."""


class NoSpaceError(StackError):
    """The disk is full."""


class AlreadyRunningError(StackError):
    """Another stack has this data directory."""


def no_space(home: Path) -> NoSpaceError:
    """Say that the disk is full."""
    return NoSpaceError(f"no space left on the disk of {home}; free some, or set OVPO_HOME to a folder on another disk")


def already_running(home: Path) -> AlreadyRunningError:
    """Say that a stack runs here."""
    return AlreadyRunningError(f"a stack runs in {home} already; see `ovpo status`, stop it with `ovpo down`")


def from_os_error(error: OSError, home: Path) -> StackError:
    """Turn what the operating system refused into a line."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return no_space(home)
    return StackError(
        f"{error.filename or home}: {error.strerror or error}; set OVPO_HOME to a folder that you may write"
    )
