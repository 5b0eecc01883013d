# SPDX-License-Identifier: Apache-2.0
"""Ends what a supervisor that was killed left behind, by the state it last wrote; never a process that is not ours."""

import signal

from ovpo.foundation.stack import children
from ovpo.foundation.stack.home import Home
from ovpo.foundation.stack.state import read


def sweep(home: Home, patience: float) -> None:
    """End the children that outlived their supervisor, and theirs, the last started first."""
    state = read(home.state)
    if state is None or children.lives(state.supervisor):
        return
    for part in reversed(state.parts):
        if part.identity:
            children.end(part.identity, signal.SIGINT if part.name == "postgres" else signal.SIGTERM, patience)
