# SPDX-License-Identifier: Apache-2.0
"""Running PostgreSQL when we are root, which it refuses to be: as a user without rights, let in where it must go."""

import os
import pwd
from pathlib import Path
from typing import TypedDict

from ovpo.foundation.stack.errors import StackError

CANDIDATES = ("postgres", "nobody")
SEARCH = 0o001


def server_user() -> str | None:
    """Name the user that PostgreSQL runs as: none of its own unless we are root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for candidate in CANDIDATES:
        if candidate in known:
            return candidate
    raise StackError("PostgreSQL does not run as root; start ovpo as an ordinary user, or set OVPO_POSTGRES__URL")


class Become(TypedDict, total=False):
    """The arguments of `subprocess` that make a child another user."""

    user: int
    group: int
    extra_groups: list[int]


def become(user: str | None) -> Become:
    """Give a child the rights of a user, and none of our own groups; None leaves it ours."""
    if user is None:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def let_in(user: str, folder: Path) -> None:
    """Let a user pass through every folder above this one: search only, neither list nor read."""
    for above in (folder.absolute(), *folder.absolute().parents):
        if not above.stat().st_mode & SEARCH and above.owner() != user:
            above.chmod(above.stat().st_mode | SEARCH)


def hand_over(user: str, path: Path) -> None:
    """Give a file or folder, closed to everybody else, to a user."""
    entry = pwd.getpwnam(user)
    os.chown(path, entry.pw_uid, entry.pw_gid)
    path.chmod(0o700)
