# SPDX-License-Identifier: Apache-2.0
"""What the stack under measurement takes of the machine, and what others take of it meanwhile."""

from collections.abc import Iterator, Mapping
from time import perf_counter
from typing import Final

import psutil

from ovpo.foundation.settings.tree import Settings
from ovpo.foundation.stack.home import Home
from ovpo.foundation.stack.state import read

SERVICE: Final = "query service"


class Cores:
    """How many cores processes that are none of ours were busy on since this was made."""

    def __init__(self, settings: Settings, service: int) -> None:
        self._roots = [*_roots(settings, service).values(), psutil.Process().pid]
        self._begun, self._others = perf_counter(), self._others_now()

    def of_others(self) -> float:
        """Say it."""
        return max(0.0, self._others_now() - self._others) / (perf_counter() - self._begun)

    def _others_now(self) -> float:
        whole = psutil.cpu_times()
        busy = sum(whole) - whole.idle - getattr(whole, "iowait", 0.0) - getattr(whole, "guest", 0.0)
        return busy - sum(_seconds(process) for pid in self._roots for process in _family(pid))


def memory(settings: Settings, service: int) -> Mapping[str, int]:
    """Say what each part holds in memory, with pages that its processes share counted once."""
    return {
        name: sum(int(process.memory_full_info().pss) for process in _family(pid))
        for name, pid in _roots(settings, service).items()
    }


def _roots(settings: Settings, service: int) -> dict[str, int]:
    state = read(Home(settings.home).state)
    parts = {part.name: part.identity.pid for part in state.parts if part.identity} if state else {}
    return {SERVICE: service, **parts}


def _family(pid: int) -> Iterator[psutil.Process]:
    process = psutil.Process(pid)
    yield process
    # What this process started is a family of its own; what it waits for is counted with it.
    if pid != psutil.Process().pid:
        yield from process.children(recursive=True)


def _seconds(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return float(spent.user + spent.system + spent.children_user + spent.children_system)
