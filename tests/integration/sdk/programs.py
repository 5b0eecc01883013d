# SPDX-License-Identifier: Apache-2.0
"""Programs that are traced, for tests of how they end; `python -m tests.integration.sdk.programs NAME …`.

A program says on its standard output how far it has come, and goes on when it is sent a line.
"""

import asyncio
import atexit
import itertools
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from types import FrameType
from typing import Any, Final, NoReturn

from ovpo_sdk import OvpoClient, SpanKind

FRAMES: Final = 20
TURN_SECONDS: Final = 0.05
"""Python hears of a signal that comes right before a wait when that is over."""
SPAN_KIND: Final = SpanKind.DECODE
SETTINGS: Final = "PROGRAM_SETTINGS"
_settings: Final[dict[str, Any]] = json.loads(os.environ.get(SETTINGS, "{}"))
_clients: Final[dict[str, OvpoClient]] = {}


def client() -> OvpoClient:
    """Give the client of this process, or the one that it has from its parent."""
    if "client" not in _clients:
        _clients["client"] = OvpoClient(**{"gpu_seconds": 0, "flush_seconds": 600.0} | _settings)
    return _clients["client"]


def a_run(name: str) -> str:
    """Trace a run of a few frames."""
    with client().trace(name) as trace, trace.span(SPAN_KIND) as span:
        for index in range(FRAMES):
            span.frame(index, 40.0 * index)
    return name


def a_delivered_run(name: str) -> bool:
    """Trace a run, and wait until it is delivered."""
    a_run(name)
    return client().flush(20)


def an_open_run(name: str) -> None:
    """Trace a run with a stage that is not over, so that nothing makes the client send it yet."""
    trace = client().trace(name).start()
    ended, begun = trace.span(SPAN_KIND).start(), trace.span(SPAN_KIND).start()
    for index in range(FRAMES):
        (begun if index % 2 else ended).frame(index, 40.0 * index)
    ended.end()


def say(text: object) -> None:
    """Tell whoever started this program, in one piece."""
    os.write(1, f"{text}\n".encode())


def wait() -> None:
    """Wait for a line."""
    sys.stdin.readline()


def ends() -> None:
    """Trace two runs, one of which is not over, and end."""
    a_run("whole")
    an_open_run("open")


def exits() -> NoReturn:
    """End with a code of its own."""
    ends()
    sys.exit(3)


def raises() -> NoReturn:
    """End with an exception that nobody catches."""
    an_open_run("open")
    with client().trace("whole"):
        raise LookupError("no weights")


def begins_at_exit() -> None:
    """Emit for the first time while the interpreter ends."""
    client()
    atexit.register(ends)


def leaves_a_thread() -> None:
    """End the main thread while another one works on."""
    ending = threading.main_thread()

    def work() -> None:
        ending.join()
        ends()

    threading.Thread(target=work).start()


def runs_asyncio() -> None:
    """Trace runs that take turns in one thread, and leave one in the middle."""

    async def stage(trace: Any, index: int) -> None:
        async with trace.span(SPAN_KIND) as span:
            await asyncio.sleep(0)
            span.frame(index, 40.0 * index)

    async def main() -> None:
        async with client().trace("whole") as trace:
            await asyncio.gather(*(stage(trace, index) for index in range(FRAMES)))
        an_open_run("open")

    asyncio.run(main())


def closes_and_goes_on() -> None:
    """Use a client after it was closed."""
    a_run("before")
    client().close()
    a_run("after")
    client().close()
    say(f"{client().flush(1)} {client().counters().dropped}")


def emits_into_nothing() -> None:
    """Tell when there is a request on its way, and end when told to."""
    ends()
    while not client().counters().requests:
        time.sleep(0.005)
    say("asking")
    wait()


def forks() -> None:
    """Fork with items that are not sent yet, and have parent and child go on, nested in the same trace."""
    an_open_run("before")
    child = os.fork()
    a_run("child" if child == 0 else "parent")
    if child:
        os.waitpid(child, 0)


def forks_while_asking() -> None:
    """Fork while the background thread waits for an answer."""
    a_run("before")
    while not client().counters().requests:
        time.sleep(0.005)
    say("asking")
    wait()
    child = os.fork()
    if child == 0:
        a_run("child")
        sys.exit(0 if client().flush(20) else 1)
    _, status = os.waitpid(child, 0)
    a_run("parent")
    say(os.waitstatus_to_exitcode(status))


def forks_often() -> None:
    """Fork again and again while other threads emit."""
    stopping = threading.Event()
    client()

    def emit() -> None:
        trace = client().trace("threads").start()
        span = trace.span(SPAN_KIND).start()
        index = 0
        while not stopping.wait(0.0001):
            span.frame(index, 1.0 * index)
            index += 1

    threads = [threading.Thread(target=emit) for _ in range(4)]
    for one in threads:
        one.start()
    codes = []
    for number in range(20):
        child = os.fork()
        if child == 0:
            a_run(f"child {number}")
            os._exit(0 if client().flush(20) else 1)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    stopping.set()
    for one in threads:
        one.join()
    say(sum(codes))
    say(client().flush(20))
    say(client().counters().emitted)


def imports() -> None:
    """Tell which modules come with telemetry's threads."""
    client()
    before = set(sys.modules)
    a_run("whole")
    say(client().flush(20))
    say(sorted(set(sys.modules) - before))


def processes(method: str) -> None:
    """Have children of `multiprocessing` trace runs: they end without the interpreter's own end."""
    context: Any = multiprocessing.get_context(method)
    an_open_run("before")
    child = context.Process(target=a_run, args=("child",))
    child.start()
    child.join()
    say(child.exitcode)


def workers(method: str, way: str) -> None:
    """Have the workers of a pool trace runs, and end the pool in one way or another."""
    context: Any = multiprocessing.get_context(method)
    an_open_run("before")
    if way == "executor":
        with ProcessPoolExecutor(2, context) as executor:
            say(len(list(executor.map(a_run, [f"child {number}" for number in range(6)]))))
        return
    task = a_run if way == "closed" else a_delivered_run
    with context.Pool(2) as pool:
        say(len(pool.map(task, [f"child {number}" for number in range(6)])))
        if way == "closed":
            pool.close()
            pool.join()


def _is_default() -> bool:
    return signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def _handling(name: str) -> list[bool]:
    return [_is_default(), a_delivered_run(name), _is_default()]


def tells_who_handles_sigterm(method: str) -> None:
    """Tell whether SIGTERM ends this process at once, and a worker of a pool before and after it has traced a run."""
    client()
    context: Any = multiprocessing.get_context(method)
    with context.Pool(1) as pool:
        say([_is_default(), *pool.apply(_handling, ("child",))])


def forks_and_is_terminated() -> None:
    """Fork a child that is there until a signal comes, and tell what became of it."""
    client()
    child = os.fork()
    if child == 0:
        is_terminated()
    say(child)
    say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def is_terminated(*, trace: Callable[[], None] = ends) -> None:
    """Be there until a signal comes."""
    trace()
    say("ready")
    while True:
        time.sleep(TURN_SECONDS)


def is_terminated_before_it_has_sent_anything() -> None:
    """Be there with a run that is not over."""
    is_terminated(trace=lambda: an_open_run("open"))


def is_terminated_in_asyncio() -> None:
    """Be there until a signal comes, in an event loop."""

    async def main() -> None:
        ends()
        say("ready")
        for _ in range(10_000):
            await asyncio.sleep(TURN_SECONDS)

    asyncio.run(main())


def _own_handler(number: int, frame: FrameType | None) -> None:
    say("own handler")
    sys.exit(7)


def handles_sigterm_before() -> None:
    """Have a handler of its own when the client is made."""
    signal.signal(signal.SIGTERM, _own_handler)
    is_terminated()


def handles_sigterm_after() -> None:
    """Have a handler of its own once the client is there."""
    client()
    handles_sigterm_before()


def ignores_sigterm() -> None:
    """Go on whatever is asked, until its input says otherwise."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ends()
    say("ready")
    wait()


def keeps() -> None:
    """Trace a run, and another one while the first is on its way; tell when both are on disk."""
    a_run("first")
    while not client().counters().requests:
        time.sleep(0.005)
    a_run("second")
    an_open_run("open")
    while client().counters().spooled < client().counters().emitted:
        time.sleep(0.005)
    say("kept")
    wait()


def keeps_and_closes() -> None:
    """Close the client during an outage."""
    keeps()
    a_run("third")
    client().close()


def keeps_without_end(generation: str) -> None:
    """Trace runs, and tell of each when it is on disk."""
    for number in itertools.count():
        name = a_run(f"run {generation}.{number}")
        while client().counters().spooled < client().counters().emitted:
            time.sleep(0.005)
        say(name)


def delivers_what_there_is() -> None:
    """Deliver what earlier processes left, if anything."""
    a_run("last")
    say(f"{client().flush(20)} {client().counters().waiting}")


def delivers() -> None:
    """Deliver what earlier processes left."""
    client()
    while not client().counters().recovered:
        time.sleep(0.005)
    say(client().flush(20))
    say(client().counters().waiting)


if __name__ == "__main__":
    # Whoever runs the tests may ignore the signal, and children inherit that.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    name, *arguments = sys.argv[1:]
    globals()[name](*arguments)
