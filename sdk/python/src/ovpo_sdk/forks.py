# SPDX-License-Identifier: Apache-2.0
"""What a forked child has to begin anew: a lock that another thread of its parent held has nobody to release it."""

import os
import threading
from typing import Final, Protocol
from weakref import WeakSet


class Forked(Protocol):
    """Something that holds locks."""

    def after_fork_in_child(self) -> None:
        """Replace them, and let go of what belongs to the parent."""


class Guard:
    """A lock that is free in a forked child: `with guard.lock: …`."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        renew_in_children(self)

    def after_fork_in_child(self) -> None:
        """Replace the lock; a thread that forks while it holds the former one releases that."""
        self.lock = threading.Lock()


_known: Final[WeakSet[Forked]] = WeakSet()


def renew_in_children(owner: Forked) -> None:
    """Have something hear of each fork, in the child, for as long as it is there."""
    _known.add(owner)


def _after_fork_in_child() -> None:
    for owner in list(_known):
        owner.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
