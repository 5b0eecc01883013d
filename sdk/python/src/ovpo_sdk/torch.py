# SPDX-License-Identifier: Apache-2.0
"""Observes modules of PyTorch: each forward pass within a trace is a span.

    with observe(model.decoder, client, SpanKind.DECODE):
        …

Observed modules within observed modules make spans within spans. Outside a trace nothing is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Self

import torch

from ovpo_sdk.current import innermost
from ovpo_sdk.errors import ConfigurationError
from ovpo_sdk.forwards import failure_of_forward, is_compiled_in_place, memory_used, settle, uses_cuda
from ovpo_sdk.harmless import Harmless
from ovpo_sdk.kinds import SpanKind, SpanStatus

if TYPE_CHECKING:
    from types import TracebackType

    from ovpo_sdk.client import OvpoClient
    from ovpo_sdk.span import Span

_running: Final[ContextVar[tuple[tuple[Handle, Span], ...]]] = ContextVar("ovpo_forwards", default=())
"""The forward passes that are spans in this thread or task, the innermost last."""


class Handle:
    """An observed module; `remove`, or the end of `with`, ends that."""

    def __init__(
        self,
        module: torch.nn.Module,
        client: OvpoClient,
        kind: SpanKind,
        name: str | None,
        attributes: Mapping[str, object],
        *,
        synchronize: bool,
    ) -> None:
        self._kind = kind
        self._name = name
        self._attributes = {"model.module": type(module).__name__, **attributes}
        self._synchronize = synchronize
        self._strict = client.configuration.strict
        self._hooks = (
            module.register_forward_pre_hook(self._before, prepend=True),
            module.register_forward_hook(self._after, always_call=True),
        )

    def remove(self) -> None:
        """Observe the module no longer; of a forward pass that was cut off here, the span ends now."""
        for hook in self._hooks:
            hook.remove()
        with Harmless("end the span of a forward pass", strict=self._strict):
            while (span := self._taken()) is not None:
                _cut_off(span)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.remove()

    def _before(self, *_: Any) -> None:
        if torch.compiler.is_compiling():
            return
        with Harmless("begin the span of a forward pass", strict=self._strict):
            node = innermost()
            if node is not None:
                span = node.span(self._kind, self._name, self._attributes).__enter__()
                _running.set((*_running.get(), (self, span)))

    def _after(self, module: torch.nn.Module, _arguments: Any, output: Any) -> None:
        if torch.compiler.is_compiling():
            return
        error = failure_of_forward(output)
        with Harmless("end the span of a forward pass", strict=self._strict):
            span = self._taken()
            if span is None:
                return
            if uses_cuda():
                if self._synchronize:
                    settle()
                span.update(_memory_used(module))
            span.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)

    def _taken(self) -> Span | None:
        """Take this module's innermost span from those that run; what began within it and did not end was cut off."""
        running = _running.get()
        at = next((n for n in reversed(range(len(running))) if running[n][0] is self), None)
        if at is None:
            return None
        for _, span in reversed(running[at + 1 :]):
            _cut_off(span)
        _running.set(running[:at])
        return running[at][1]


def observe(
    module: torch.nn.Module,
    client: OvpoClient,
    kind: SpanKind,
    name: str | None = None,
    attributes: Mapping[str, object] | None = None,
    *,
    synchronize: bool = False,
) -> Handle:
    """Observe a module: each of its forward passes is a span of the trace that runs there and then.

    CUDA works on after a forward pass returns: with `synchronize` its span waits for that, and the caller with it. A
    module that `module.compile()` was called on has no forward pass that could be observed; observe what contains it.
    """
    if is_compiled_in_place(module):
        raise ConfigurationError(
            f"{type(module).__name__} is compiled in place; observe what contains it, or what torch.compile(…) gives"
        )
    return Handle(module, client, kind, name, attributes or {}, synchronize=synchronize)


def _cut_off(span: Span) -> None:
    span.end(SpanStatus.ERROR)
    span.__exit__(None, None, None)


def _memory_used(module: torch.nn.Module) -> dict[str, float]:
    """Tell of the GPU that a module lies on, if it does."""
    parameter = next(module.parameters(), None)
    return memory_used(parameter.device) if parameter is not None and parameter.device.type == "cuda" else {}
