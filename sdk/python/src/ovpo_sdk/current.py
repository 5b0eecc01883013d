# SPDX-License-Identifier: Apache-2.0
"""What nested code finds: the innermost trace or span of its own thread, task or callback."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ovpo_sdk.span import Span
    from ovpo_sdk.trace import Trace


class Place:
    """Where a trace or span was entered, and within what."""

    __slots__ = ("node", "outer")

    def __init__(self, node: Trace | Span, outer: Place | None) -> None:
        self.node = node
        self.outer = outer


_innermost: Final[ContextVar[Place | None]] = ContextVar("ovpo_innermost", default=None)


def innermost() -> Trace | Span | None:
    """Give the trace or span that is entered last and not left yet."""
    place = _innermost.get()
    return None if place is None else place.node


def enter(node: Trace | Span) -> Place:
    """Make a trace or span the innermost."""
    place = Place(node, _innermost.get())
    _innermost.set(place)
    return place


def leave(place: Place) -> None:
    """Make the one before it the innermost again.

    Generators leave in any order: then what was entered since stays, and later gives way to the one before. In another
    context than it was entered in, nothing changes.
    """
    at = _innermost.get()
    if at is place:
        _innermost.set(place.outer)
        return
    while at is not None:
        if at.outer is place:
            at.outer = place.outer
            return
        at = at.outer


def current_trace() -> Trace | None:
    """Give the trace that runs here."""
    node = innermost()
    return None if node is None else node.trace


def current_span() -> Span | None:
    """Give the span that runs here; none directly below a trace."""
    node = innermost()
    return None if node is None or node is node.trace else node  # type: ignore[return-value]
