# SPDX-License-Identifier: Apache-2.0
"""The process in which a pipeline runs, so that its crash, its hanging and its memory are not the suite's.

`python -m ovpo_sdk.testing.runner` takes the orders of `protocol` on standard input and answers on standard output,
neither of which the pipeline sees: it reads nothing, and what it prints goes to standard error.
"""

import asyncio
import hashlib
import importlib
import inspect
import os
import pickle
import re
import resource
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter
from typing import IO, Any, Final, Protocol

import msgspec

from ovpo_sdk import OvpoClient
from ovpo_sdk.configuration import TELEMETRY
from ovpo_sdk.testing.protocol import ORDERS, Begin, Call, Called, End, Ended, Outcome, Ready, Reply, Unusable, line
from ovpo_sdk.testing.target import TargetError

MEMORY: Final = Path("/proc/self/status")
_PEAK: Final = re.compile(r"VmHWM:\s+(\d+) kB")
_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")
_KILO: Final = 1024
CLIENT: Final = "client"


class Pipeline(Protocol):
    """Something that can be called, with telemetry or without."""

    def call(self, *, telemetry: bool) -> Outcome:
        """Run it once."""
        ...

    def settle(self, seconds: float) -> None:
        """Wait until its telemetry is delivered, if that can be told."""
        ...

    def peak_bytes(self) -> int:
        """Tell how much memory it held at most."""
        ...

    def close(self) -> None:
        """Close what was opened for it."""
        ...


class Function:
    """A function of this process."""

    def __init__(self, name: str) -> None:
        self._function = _found(name)
        self._takes_client = _takes_client(self._function, name)
        self._clients: dict[bool, OvpoClient] = {}

    def call(self, *, telemetry: bool) -> Outcome:
        """Call it with a client, or let it make its own from the environment."""
        if telemetry:
            os.environ.pop(TELEMETRY, None)
        else:
            os.environ[TELEMETRY] = "off"
        try:
            given = (self._client(telemetry=telemetry),) if self._takes_client else ()
            result = self._function(*given)
            if inspect.isawaitable(result):
                result = asyncio.run(_awaited(result))
        except Exception as error:  # noqa: BLE001
            return Outcome(digest=type(error).__name__, raised=told(error))
        except SystemExit as error:
            return Outcome(digest=digest_of(error.code), raised=f"SystemExit: {error.code}" if error.code else None)
        return Outcome(digest=digest_of(result))

    def settle(self, seconds: float) -> None:
        """Flush the client that was handed in."""
        if True in self._clients:
            self._clients[True].flush(seconds)

    def peak_bytes(self) -> int:
        """Ask the kernel about this program alone; `getrusage` counts what ran in the process before it, too."""
        if MEMORY.exists() and (found := _PEAK.search(MEMORY.read_text())):
            return int(found[1]) * _KILO
        return _rusage_bytes(resource.RUSAGE_SELF)

    def close(self) -> None:
        """Close the clients that were handed in."""
        for client in self._clients.values():
            client.close()

    def _client(self, *, telemetry: bool) -> OvpoClient:
        if telemetry not in self._clients:
            self._clients[telemetry] = OvpoClient(enabled=telemetry)
        return self._clients[telemetry]


class Command:
    """A program that is started for each call."""

    def __init__(self, words: tuple[str, ...], environment: dict[str, str]) -> None:
        self._words = words
        self._environment = environment

    def call(self, *, telemetry: bool) -> Outcome:
        """Run it to its end."""
        variables = self._environment if telemetry else {**self._environment, TELEMETRY: "off"}
        try:
            done = subprocess.run(
                self._words, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False
            )
        except OSError as error:
            raise TargetError(f"{self._words[0]!r} cannot be started: {error.strerror or error}") from None
        return Outcome(digest=hashlib.sha256(done.stdout).hexdigest(), exit_status=done.returncode)

    def settle(self, seconds: float) -> None:
        """Do nothing: whatever it sends, it has sent."""

    def peak_bytes(self) -> int:
        """Ask about the largest of those that were started; counts no less than this process itself holds."""
        return _rusage_bytes(resource.RUSAGE_CHILDREN)

    def close(self) -> None:
        """Do nothing: each ended by itself."""


def digest_of(result: Any) -> str:
    """Tell results apart by what they hold: the same for equal ones, also in another process."""
    try:
        raw = msgspec.json.encode(result, order="deterministic")
    except Exception:  # noqa: BLE001
        try:
            raw = pickle.dumps(result)
        except Exception:  # noqa: BLE001
            raw = _ADDRESS.sub("", repr(result)).encode()
    return hashlib.sha256(raw).hexdigest()


def told(error: BaseException) -> str:
    """Give an exception on one line, with the place in somebody's code that it comes from."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if not _is_between(one.filename)]
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return " ".join(traceback.format_exception_only(error)[-1].split()) + where


def _is_between(file: str) -> bool:
    return "importlib" in file or file == __file__


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _found(name: str) -> Callable[..., Any]:
    module, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
    except Exception as error:  # noqa: BLE001
        raise TargetError(f"{module!r} cannot be imported: {told(error)}") from None
    for part in path.split("."):
        if not hasattr(found, part):
            raise TargetError(f"{module!r} has no {path!r}; name a function of it as {module}:function")
        found = getattr(found, part)
    if not callable(found):
        raise TargetError(f"{name!r} is a {type(found).__name__}; name a function")
    return found  # type: ignore[no-any-return]


def _takes_client(function: Callable[..., Any], name: str) -> bool:
    """Tell whether a function wants a client: not one that does not say, nor can one that wants more be called."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return False
    by_place = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    needed = [
        one for one in parameters if one.default is one.empty and one.kind not in {one.VAR_POSITIONAL, one.VAR_KEYWORD}
    ]
    if len(needed) > 1 or any(one.kind not in by_place for one in needed):
        names = ", ".join(one.name for one in needed)
        raise TargetError(f"{name!r} needs {names}; a pipeline takes an OvpoClient, or nothing at all")
    first = next((one.name for one in parameters if one.kind in by_place), None)
    return bool(needed) or first == CLIENT


def _rusage_bytes(who: int) -> int:
    peak = resource.getrusage(who).ru_maxrss
    return peak if sys.platform == "darwin" else peak * _KILO


def _made(order: Begin) -> Pipeline:
    return Function(order.function) if order.function is not None else Command(order.command, order.environment)


def _calls(pipeline: Pipeline, order: Call) -> Called:
    seconds = []
    outcome = Outcome(digest="")
    for _ in range(order.times):
        began = perf_counter()
        outcome = pipeline.call(telemetry=order.telemetry)
        seconds.append(perf_counter() - began)
    if order.settle_seconds:
        pipeline.settle(order.settle_seconds)
    return Called(outcome, tuple(seconds), pipeline.peak_bytes())


def serve(orders: IO[bytes], replies: IO[bytes]) -> None:
    """Follow orders until the last, or until nobody gives any."""

    def reply(message: Reply) -> None:
        replies.write(line(message))
        replies.flush()

    pipeline: Pipeline | None = None
    for raw in orders:
        try:
            match ORDERS.decode(raw):
                case Begin() as order:
                    pipeline = _made(order)
                    reply(Ready())
                case Call() as order if pipeline is not None:
                    reply(_calls(pipeline, order))
                case Call() | End():
                    began = perf_counter()
                    if pipeline is not None:
                        pipeline.close()
                    reply(Ended(perf_counter() - began))
                    return
        except TargetError as error:
            reply(Unusable(str(error)))
            return


def main() -> None:
    """Keep the suite's end of both pipes out of the pipeline's reach, and serve."""
    orders, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    serve(orders, replies)


if __name__ == "__main__":
    main()
