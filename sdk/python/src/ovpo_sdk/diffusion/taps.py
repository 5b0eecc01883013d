# SPDX-License-Identifier: Apache-2.0
"""Wrappers around methods of single objects: put on for a call, taken off when the last call that needs them is over.

Two calls may run at once in two threads, and two pipelines may share a component. So a method is wrapped once, whoever
needs it, and what it was before is put back when nobody does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final

from ovpo_sdk.forks import Guard

Around = Callable[..., Any]
"""Takes the wrapped method and its arguments, and gives the method's result."""

_ABSENT: Final = object()
_guard: Final = Guard()


@dataclass(slots=True)
class _Tap:
    owner: object
    wrapper: Callable[..., Any]
    own: Any
    """What the object itself had under the name, before its class is asked."""
    users: int = 1


_taps: Final[dict[tuple[int, str], _Tap]] = {}


def put_on(owner: object, name: str, around: Around) -> Callable[[], None]:
    """Wrap a method of one object; what is returned takes it off again. One name is wrapped in one way only."""
    key = (id(owner), name)
    with _guard.lock:
        tap = _taps.get(key)
        if tap is not None:
            tap.users += 1
        else:
            _taps[key] = _wrapped(owner, name, around)
    return lambda: _take_off(key)


def _wrapped(owner: object, name: str, around: Around) -> _Tap:
    method = getattr(owner, name)

    @wraps(method)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return around(method, *args, **kwargs)

    own = vars(owner).get(name, _ABSENT)
    vars(owner)[name] = wrapper
    return _Tap(owner, wrapper, own)


def _take_off(key: tuple[int, str]) -> None:
    with _guard.lock:
        tap = _taps[key]
        tap.users -= 1
        if tap.users:
            return
        del _taps[key]
        held = vars(tap.owner)
        if held.get(key[1]) is not tap.wrapper:
            return
        if tap.own is _ABSENT:
            del held[key[1]]
        else:
            held[key[1]] = tap.own
