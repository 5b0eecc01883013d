# SPDX-License-Identifier: Apache-2.0
"""Keeps a plan running: starts each part when what it needs is ready, restarts what dies, stops all in order.

It decides and records; how a process is started or ended is the business of `children`.
"""

import asyncio
import socket
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ovpo.foundation.settings.tree import Stack
from ovpo.foundation.stack import children
from ovpo.foundation.stack.errors import StackError, from_os_error
from ovpo.foundation.stack.home import Home
from ovpo.foundation.stack.parts.kinds import Part, Process, Task
from ovpo.foundation.stack.ports import require_free
from ovpo.foundation.stack.state import Condition, Identity, Phase, StackState, write

FIRST_STARTS = 2
PROBE_SECONDS = 0.15
STABLE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 30.0
LOG_LINES = 3
CONNECT_SECONDS = 2.0


def pause_before_restart(failures: int) -> float:
    """Give the pause before the next start: half a second, doubled with each failure in a row."""
    return min(LONGEST_PAUSE_SECONDS, 0.5 * 2.0 ** max(0, failures - 1))


@dataclass
class Supervisor:
    """One running stack."""

    plan: list[Part]
    home: Home
    settings: Stack
    state: StackState
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    ready: dict[str, asyncio.Event] = field(init=False)
    stopped: dict[str, asyncio.Event] = field(init=False)

    def __post_init__(self) -> None:
        self.ready = {part.name: asyncio.Event() for part in self.plan}
        self.stopped = {part.name: asyncio.Event() for part in self.plan}

    async def run(self) -> None:
        """Run until asked to stop; a start that cannot succeed is a `StackError` after everything was stopped again."""
        require_free(self.plan)
        self._record(self.state)
        keepers = [asyncio.create_task(self._keep(part), name=part.name) for part in self.plan]
        announcer = asyncio.create_task(self._announce())
        try:
            await self._until_stopped(keepers)
        finally:
            announcer.cancel()
            if self.state.phase is not Phase.FAILED:
                self._record(replace(self.state, phase=Phase.STOPPING))
            self.stopping.set()
            await asyncio.gather(*keepers, return_exceptions=True)
            if self.state.phase is not Phase.FAILED:
                self._record(replace(self.state, phase=Phase.STOPPED))

    async def _until_stopped(self, keepers: list[asyncio.Task[None]]) -> None:
        stop = asyncio.create_task(self.stopping.wait())
        pending = {*keepers, stop}
        while not stop.done() and pending - {stop}:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for keeper in done - {stop}:
                if error := keeper.exception():
                    stop.cancel()
                    message = str(error if isinstance(error, StackError) else f"{keeper.get_name()}: {error!r}")
                    self._record(replace(self.state, phase=Phase.FAILED, message=message))
                    raise error
        if not stop.done():
            await stop

    async def _announce(self) -> None:
        for event in self.ready.values():
            await event.wait()
        self._record(replace(self.state, phase=Phase.READY))

    async def _keep(self, part: Part) -> None:
        try:
            for needed in part.needs:
                if not await self._unless_stopping(self.ready[needed].wait()):
                    return
            if isinstance(part, Task):
                await self._do(part)
            else:
                await self._keep_running(part)
        except OSError as error:
            raise from_os_error(error, self.home.root) from error
        finally:
            self.stopped[part.name].set()

    async def _do(self, task: Task) -> None:
        self._mark(task.name, Condition.STARTING)
        try:
            said = await asyncio.to_thread(task.run)
        except StackError:
            self._mark(task.name, Condition.FAILED)
            raise
        except Exception as error:
            self._mark(task.name, Condition.FAILED)
            raise StackError(f"{task.title}: {_one_line(error)}") from error
        self._mark(task.name, Condition.READY, note=said)
        self.ready[task.name].set()

    async def _keep_running(self, part: Process) -> None:
        failures = 0
        while not self.stopping.is_set():
            begun = time.monotonic()
            fault = await self._run_once(part)
            if self.stopping.is_set():
                break
            failures = 1 if time.monotonic() - begun > STABLE_SECONDS else failures + 1
            self._restart_or_give_up(part, fault, failures)
            await self._unless_stopping(asyncio.sleep(pause_before_restart(failures)))
        self._mark(part.name, Condition.STOPPED)

    async def _run_once(self, part: Process) -> str:
        """Run a part until it ends or the stack is asked to stop; tells what went wrong."""
        try:
            await asyncio.to_thread(part.prepare)
            child = await children.spawn(part, self.home.log(part.name))
        except Exception as error:
            if isinstance(error, StackError | OSError) and not self.ready[part.name].is_set():
                raise
            return f"cannot be prepared: {_one_line(error)}"
        self._mark(part.name, Condition.STARTING, identity=children.identify(child.pid))
        exited = asyncio.create_task(child.wait())
        if await self._until_ready(part, exited):
            self._mark(part.name, Condition.READY, note=self._restart_note(part.name))
            self.ready[part.name].set()
            await self._unless_stopping(asyncio.shield(exited))
        if exited.done():
            fault = f"ended by itself ({_ending(exited.result())})"
        else:
            fault = f"was not ready after {self.settings.start_timeout_seconds} s"
            await self._stop(part, child, exited)
        children.end_group(child.pid)
        return fault

    async def _until_ready(self, part: Process, exited: asyncio.Task[int]) -> bool:
        deadline = time.monotonic() + self.settings.start_timeout_seconds
        while time.monotonic() < deadline and not exited.done() and not self.stopping.is_set():
            try:
                await asyncio.to_thread(_ask, part)
            except Exception as error:  # noqa: BLE001
                self._note(part.name, _one_line(error))
                await self._unless_stopping(asyncio.wait({exited}, timeout=PROBE_SECONDS))
            else:
                return not exited.done()
        return False

    def _restart_or_give_up(self, part: Process, fault: str, failures: int) -> None:
        """Say that a part starts again soon, or give the stack up when the part never ran at all."""
        if not self.ready[part.name].is_set() and failures >= FIRST_STARTS:
            self._mark(part.name, Condition.FAILED, note=fault)
            log = self.home.log(part.name)
            raise StackError(f"{part.title} {fault}; {log} ends: {last_words(log)}")
        note = f"{fault}, starts again in {pause_before_restart(failures):g} s"
        self._mark(part.name, Condition.RESTARTING, note=note, restarts=self.state.part(part.name).restarts + 1)

    async def _stop(self, part: Process, child: asyncio.subprocess.Process, exited: asyncio.Task[int]) -> None:
        """Wait until nobody needs this part any more, then ask it to stop, and end it if it does not."""
        if self.stopping.is_set():
            dependents = [other.name for other in self.plan if part.name in other.needs]
            await asyncio.gather(*(self.stopped[name].wait() for name in dependents))
        self._mark(part.name, Condition.STOPPING)
        if not exited.done():
            child.send_signal(part.stop_signal)
            await asyncio.wait({exited}, timeout=self.settings.stop_timeout_seconds)
        children.end_group(child.pid)
        await exited
        self._mark(part.name, Condition.STOPPED)

    async def _unless_stopping(self, waiting: Awaitable[object]) -> bool:
        """Await something unless the stack is asked to stop first; tells whether it came to its end."""
        stop = asyncio.create_task(self.stopping.wait())
        work = asyncio.ensure_future(waiting)
        await asyncio.wait({stop, work}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not work.done():
            work.cancel()
            return False
        return not self.stopping.is_set()

    def _restart_note(self, name: str) -> str:
        restarts = self.state.part(name).restarts
        return f"restarted {restarts} times" if restarts > 1 else "restarted once" if restarts else ""

    def _note(self, name: str, note: str) -> None:
        known = self.state.part(name)
        if known.note != note:
            self._record(self.state.with_part(replace(known, note=note)))

    def _mark(
        self,
        name: str,
        condition: Condition,
        *,
        note: str = "",
        identity: Identity | None = None,
        restarts: int | None = None,
    ) -> None:
        known = self.state.part(name)
        changed = replace(
            known,
            condition=condition,
            since=time.time(),
            note=note,
            identity=identity or known.identity,
            restarts=known.restarts if restarts is None else restarts,
        )
        self._record(self.state.with_part(changed))

    def _record(self, state: StackState) -> None:
        self.state = state
        write(self.home.state, state)


def _ask(part: Process) -> None:
    """Ask the part itself only once its port is open: clients log every refused connection."""
    if part.listener:
        with socket.create_connection((part.listener.host, part.listener.port), timeout=CONNECT_SECONDS):
            pass
    part.ready()


def last_words(log: Path) -> str:
    """Give the end of a log in one line."""
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return " | ".join(line.strip() for line in lines[-LOG_LINES:]) or "(nothing)"


def _one_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [repr(error)])[0]


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
