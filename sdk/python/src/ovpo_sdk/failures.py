# SPDX-License-Identifier: Apache-2.0
"""What an exception means for a run: how it ended, and the failure that its trace tells of.

No framework is imported: an exception is known by its class's name, its message, and what it was raised from.
"""

import asyncio
import concurrent.futures
import errno
import re
import subprocess
from collections import deque
from collections.abc import Callable, Iterator
from traceback import walk_tb
from types import TracebackType
from typing import Any, Final

from ovpo_sdk.kinds import FailureKind, TraceStatus
from ovpo_sdk.records import Failure
from ovpo_sdk.shaping.texts import MESSAGE_CHARACTERS, NAME_CHARACTERS, WORD_CHARACTERS, cut

RETRYABLE: Final = frozenset({FailureKind.OOM, FailureKind.TIMEOUT, FailureKind.HARDWARE_ERROR})
"""What may go well another time with the same input."""
_STATUSES: Final = {FailureKind.TIMEOUT: TraceStatus.TIMEOUT, FailureKind.CANCELLED: TraceStatus.CANCELLED}

_OUT_OF_MEMORY: Final = re.compile(
    r"out of memory|not enough memory|can't allocate memory|cannot allocate memory|_STATUS_ALLOC_FAILED", re.IGNORECASE
)
_HARDWARE: Final = re.compile(
    r"\b(?:CUDA|HIP|cuDNN|CUBLAS|NCCL) error|device-side assert|\bECC\b|\bNVML|_STATUS_(?:EXECUTION|INTERNAL|MAPPING)"
    r"|GPU (?:is lost|has fallen off the bus)",
    re.IGNORECASE,
)
_CANCELLED: Final = (KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, concurrent.futures.CancelledError)
_HARDWARE_NAMES: Final = ("AcceleratorError", "CUDARuntimeError", "CUDADriverError", "CudaAPIError", "NVMLError")

_MOST_LINKED: Final = 32
_MOST_CALLS: Final = 16


def status_of(error: BaseException) -> TraceStatus:
    """Tell how a run ended that an exception left; leaving the program without a fault is an end like any other."""
    if isinstance(error, SystemExit) and error.code in (None, 0):
        return TraceStatus.COMPLETED
    return _STATUSES.get(_kind_of(error), TraceStatus.FAILED)


def failure_of(error: BaseException, stage: str | None, clean: Callable[[str], str] = str) -> Failure:
    """Make a failure of an exception; `clean` sees every text of the caller's before it is sent."""
    kind = _kind_of(error)
    return Failure(
        kind=kind,
        message=cut(clean(_message_of(error)), MESSAGE_CHARACTERS),
        retryable=kind in RETRYABLE,
        stage=cut(stage, WORD_CHARACTERS) if stage else None,
        details=_details_of(error, clean),
    )


def _kind_of(error: BaseException) -> FailureKind:
    """Take the exception by itself; where that says nothing, look for memory and hardware in what it came from."""
    kinds = [_kind_alone(leaf) for leaf in _leaves(error)]
    if len(set(kinds)) == 1 and kinds[0] is not FailureKind.CRASH:
        return kinds[0]
    linked = {_kind_alone(one) for one in _linked(error)}
    for kind in (FailureKind.OOM, FailureKind.HARDWARE_ERROR):
        if kind in linked:
            return kind
    return FailureKind.CRASH


def _kind_alone(error: BaseException) -> FailureKind:
    if isinstance(error, _CANCELLED):
        return FailureKind.CANCELLED
    names = {one.__name__ for one in type(error).__mro__}
    message = _message_of(error)
    if _is_out_of_memory(error, names, message):
        return FailureKind.OOM
    if isinstance(error, TimeoutError | subprocess.TimeoutExpired):
        return FailureKind.TIMEOUT
    if _is_hardware(error, names, message):
        return FailureKind.HARDWARE_ERROR
    if any(name.endswith("ValidationError") for name in names):
        return FailureKind.VALIDATION_ERROR
    return FailureKind.CRASH


def _is_out_of_memory(error: BaseException, names: set[str], message: str) -> bool:
    if isinstance(error, MemoryError) or "OutOfMemoryError" in names:
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(message) is not None


def _is_hardware(error: BaseException, names: set[str], message: str) -> bool:
    if any(name.startswith(_HARDWARE_NAMES) for name in names):
        return True
    return isinstance(error, RuntimeError | OSError) and _HARDWARE.search(message) is not None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Give what a group of exceptions holds in the end, or the exception itself."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error


def _linked(error: BaseException) -> Iterator[BaseException]:
    """Give an exception and what it holds or came from, nearest first; `raise … from None` cuts the thread."""
    waiting = deque([error])
    seen: set[int] = set()
    while waiting and len(seen) < _MOST_LINKED:
        one = waiting.popleft()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            waiting.extend(one.exceptions)
        origin = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
        if origin is not None:
            waiting.append(origin)


def _message_of(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"the program left with code {error.code}"
    try:
        return str(error) or _class_name(error)
    except Exception:  # noqa: BLE001 - somebody else's __str__ may do anything
        return _class_name(error)


def _details_of(error: BaseException, clean: Callable[[str], str]) -> dict[str, Any]:
    details: dict[str, Any] = {"exception": _class_name(error)}
    calls = [_call(*at, clean) for at in _calls(error.__traceback__)]
    if calls:
        details["traceback"] = calls
    origins = [_class_name(one) for one in _linked(error)][1:]
    if origins:
        details["caused_by"] = origins
    return details


def _calls(traceback: TracebackType | None) -> Iterator[tuple[str, str, int]]:
    """Give file, function and line of the innermost calls, the innermost last."""
    innermost = deque(walk_tb(traceback), maxlen=_MOST_CALLS)
    return ((frame.f_code.co_filename, frame.f_code.co_name, line) for frame, line in innermost)


def _call(file: str, function: str, line: int, clean: Callable[[str], str]) -> dict[str, str | int]:
    name = re.split(r"[\\/]", file)[-1]
    return {"file": cut(clean(name), NAME_CHARACTERS), "function": cut(function, NAME_CHARACTERS), "line": line}


def _class_name(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return cut(name, NAME_CHARACTERS)
