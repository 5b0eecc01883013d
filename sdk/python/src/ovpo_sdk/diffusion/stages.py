# SPDX-License-Identifier: Apache-2.0
"""The stages of one call of a pipeline: one after another, each a span, found out from what the pipeline does.

Diffusers says when a step ends and nothing else. So a stage ends when the next one begins, or with the call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ovpo_sdk.kinds import SpanKind

if TYPE_CHECKING:
    from ovpo_sdk.span import Span


class Stages:
    """At most one stage is open at a time."""

    def __init__(self, begin: Callable[[SpanKind], Span], before_end: Callable[[Span], None]) -> None:
        """Take what makes a span, and what is done just before one ends."""
        self._begin = begin
        self._before_end = before_end
        self._open: Span | None = None
        self._kind: SpanKind | None = None
        self._depth = 0
        self.latest: Span | None = None
        """The stage that runs, or else the one that ended last."""

    def enter(self, kind: SpanKind) -> Span:
        """Begin a stage, which ends the one before it; a stage that runs already goes on."""
        if self._open is not None and self._kind is kind:
            self._depth += 1
            return self._open
        self.end()
        self._open = self.latest = self._begin(kind).__enter__()
        self._kind, self._depth = kind, 1
        return self._open

    def leave(self, kind: SpanKind, error: BaseException | None = None) -> None:
        """Undo one `enter`: the last one ends the stage, unless another has ended it."""
        if self._kind is kind:
            self._depth -= 1
            if error is not None or not self._depth:
                self.end(error)

    def end(self, error: BaseException | None = None) -> None:
        """End the open stage, if there is one."""
        span, self._open, self._kind = self._open, None, None
        if span is not None:
            try:
                self._before_end(span)
            finally:
                span.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)

    @property
    def kind(self) -> SpanKind | None:
        """What the stage that runs does."""
        return self._kind
