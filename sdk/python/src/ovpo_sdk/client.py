# SPDX-License-Identifier: Apache-2.0
"""The client: where traces begin. What brings them away is the business of `transport`."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import wraps
from pathlib import Path
from threading import TIMEOUT_MAX
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Self, TypeVar, cast

from ovpo_sdk.configuration import configured
from ovpo_sdk.current import innermost
from ovpo_sdk.errors import ConfigurationError, DeliveryError, InvalidTelemetryError
from ovpo_sdk.gpu import GpuSampler
from ovpo_sdk.kinds import SpanKind, TraceStatus
from ovpo_sdk.records import Costs
from ovpo_sdk.request import NO_CONTEXT, Given, Shaper, withheld_of
from ovpo_sdk.shaping.personal import PersonalData, Policy
from ovpo_sdk.span import NoSpan, Span
from ovpo_sdk.trace import Host, Trace
from ovpo_sdk.transport.line import Line, Nowhere

if TYPE_CHECKING:
    from types import TracebackType

    from ovpo_sdk.counters import Counters
    from ovpo_sdk.records import FrameRecord, GpuMetrics, SpanRecord, TraceRecord
    from ovpo_sdk.transport.answers import ItemError

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
MOST_TOLD: Final = 256
_SHOWN: Final = 48
_log: Final = logging.getLogger("ovpo_sdk")


class OvpoClient:
    """Traces runs of video pipelines and brings what it saw to a collector, without the runs noticing.

    Nothing that it does makes a run wait or fail: telemetry that breaks the contract is left out, counted and logged
    once; while the collector is away telemetry is kept within `buffer_bytes`, or on disk where `spool` names a folder.
    With `strict=True`, for tests, it raises instead.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        key: str | None = None,
        *,
        tenant: str | None = None,
        strict: bool | None = None,
        enabled: bool | None = None,
        buffer_bytes: int = 50_000_000,
        flush_seconds: float = 5.0,
        request_seconds: float = 10.0,
        exit_seconds: float = 2.0,
        spool: str | Path | None = None,
        spool_bytes: int = 1_000_000_000,
        personal_data: Policy = "redact",
        user_salt: str | None = None,
        on_error: Callable[[ItemError], None] | None = None,
        gpu_seconds: float = 1.0,
        ca_file: str | None = None,
        handle_sigterm: bool = True,
    ) -> None:
        """Make a client; what is not given comes from the environment.

        Args:
            endpoint: the collector's address; `OVPO_ENDPOINT`, else http://127.0.0.1:8001.
            key: an API key of the role developer or more; `OVPO_KEY`. Without one nothing is traced.
            tenant: the tenant that the key belongs to; `OVPO_TENANT`, else the collector is asked.
            strict: raise instead of carrying on; `OVPO_STRICT`.
            enabled: False traces nothing; `OVPO_TELEMETRY=off`.
            buffer_bytes: how much memory the client may take while it cannot send.
            flush_seconds: how long telemetry waits for company before it is sent; a trace's end sends at once.
            request_seconds: how long a request may take in all.
            exit_seconds: how long the end of the program may wait for what is left.
            spool: a folder to keep telemetry in until it is delivered, over restarts and crashes; `OVPO_SPOOL`.
            spool_bytes: how much of the disk it may take.
            personal_data: what to do with e-mail addresses, phone, card and social security numbers in texts.
            user_salt: keys the hashes of users, so that nobody finds them by guessing; `OVPO_USER_SALT`.
            on_error: called on the background thread with each item that the collector refused.
            gpu_seconds: how often the GPUs are looked at, where there are any; 0 for never.
            ca_file: the certificate authority of the collector, where it is none of the system's.
            handle_sigterm: send what is left before SIGTERM ends the program, unless it handles SIGTERM itself.
        """
        own = self.configuration = configured(
            endpoint=endpoint,
            key=key,
            tenant=tenant,
            strict=strict,
            enabled=enabled,
            buffer_bytes=buffer_bytes,
            flush_seconds=flush_seconds,
            request_seconds=request_seconds,
            exit_seconds=exit_seconds,
            spool=spool,
            spool_bytes=spool_bytes,
            personal_data=personal_data,
            user_salt=user_salt,
            gpu_seconds=gpu_seconds,
            ca_file=ca_file,
            handle_sigterm=handle_sigterm,
        )
        self._told: set[str] = set()
        self._gpu: GpuSampler | None = None
        personal = PersonalData(own.personal_data)
        self._shaper = Shaper(personal, self._problem, self._say_once, own.user_salt)
        self._line: Line | Nowhere = Nowhere(is_meant=own.is_off)
        if own.enabled:
            try:
                self._line = Line(own, personal, self._say_once, on_error, self._in_child)
            except ConfigurationError as error:
                if own.strict or key is not None or ca_file is not None:
                    raise
                _log.warning("ovpo: %s; nothing is traced", error)
        if own.enabled and own.gpu_seconds:
            self._gpu = GpuSampler(own.gpu_seconds, visible=own.gpu_visible)
        self._host = Host(
            self._line,
            self._problem,
            self._mishap,
            self._gpu.last if self._gpu is not None and self._gpu.available else _no_gpu,
            lambda text: personal.clean(text, "failure message", self._say_once),
            self._finished,
        )
        nowhere = replace(self._host, line=Nowhere(), problem=_ignored, finished=_done)
        self._no_span = NoSpan(Trace(nowhere, Given.of_nothing(self._shaper)), SpanKind.POSTPROCESS)

    def trace(
        self,
        model: str | None = None,
        *,
        prompt: str | None = None,
        negative_prompt: str | None = None,
        seed: int | None = None,
        config: Mapping[str, Any] | None = None,
        config_ref: str | None = None,
        context: Mapping[str, Any] | None = None,
        user: str | None = None,
        keep_prompt: bool = False,
        expected_frames: int | None = None,
        parent: str | None = None,
        tags: Mapping[str, object] | None = None,
        costs: Costs | None = None,
        retry_count: int = 0,
        status: TraceStatus = TraceStatus.GENERATING,
    ) -> Trace:
        """Make the trace of a run; it begins with `with`, `async with` or `start`.

        Args:
            model: what makes the video; stands in the configuration as `model`.
            prompt: sent as its SHA-256 and its length; in its own words only with `keep_prompt`.
            negative_prompt: sent as its SHA-256.
            seed: what the randomness starts from.
            config: how the pipeline is set: steps, size, scheduler; at most 64 KB.
            config_ref: where the configuration is kept, in place of `config`; the model is then a tag.
            context: more about what came in.
            user: who asked; sent as its SHA-256, keyed with `user_salt`.
            keep_prompt: send the prompt itself.
            expected_frames: how many frames there should be; a run that ends well with fewer is PARTIAL.
            parent: the id of the trace that this one belongs to.
            tags: names and texts to filter by.
            costs: whom the cost is put down to.
            retry_count: how often the run was tried before.
            status: PENDING for a run that waits in a queue first; `generating` says when it leaves it.
        """
        shape, part = self._shaper, self._part
        reference = part("config_ref", None, lambda: shape.config_ref(config_ref))
        withheld = () if keep_prompt else withheld_of(prompt, negative_prompt)
        named = {"model": model} if reference is not None and model is not None else {}
        given = Given(
            config=part("config", {}, lambda: shape.config(model, config, withheld, reference)),
            config_ref=reference,
            context=part(
                "context",
                dict(NO_CONTEXT),
                lambda: shape.context(prompt, negative_prompt, seed, context, keep_prompt=keep_prompt),
            ),
            user_hash=part("user", None, lambda: shape.hashed_user(user)),
            parent=part("parent", None, lambda: shape.parent(parent)),
            tags=part("tags", {}, lambda: shape.tags({**named, **(tags or {})})),
            costs=part("costs", None, lambda: shape.costs(costs)),
            retry_count=part("retry_count", 0, lambda: shape.count(retry_count, "retry_count") or 0),
            status=part("status", TraceStatus.GENERATING, lambda: shape.status(status)),
            expected_frames=part("expected_frames", None, lambda: shape.frames(expected_frames)),
            shape=shape,
            withheld=withheld,
        )
        return Trace(self._host, given)

    def span(self, kind: SpanKind, name: str | None = None, attributes: Mapping[str, object] | None = None) -> Span:
        """Make a span within whatever trace or span is current; where there is none it does nothing."""
        node = innermost()
        return self._no_span if node is None else node.span(kind, name, attributes)

    def traced(self, model: str | None = None, **given: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Decorate a function, coroutine function or generator: each call is a trace, made as by `trace`."""
        if callable(model):
            raise ConfigurationError("traced takes a model's name; write @client.traced() with its parentheses")
        return _decorator(lambda: self.trace(model, **given))

    def spanned(
        self, kind: SpanKind, name: str | None = None, attributes: Mapping[str, object] | None = None
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Decorate a function, coroutine function or generator: each call is a span of what is current."""
        return _decorator(lambda: self.span(kind, name, attributes))

    def emit(self, record: TraceRecord | SpanRecord | FrameRecord) -> None:
        """Take a record as it is, with an id and times of its own: for bridges from other systems."""
        self._line.put(record)

    def flush(self, seconds: float | None = None) -> bool:
        """Wait until everything so far is delivered, at most so long; tell whether it was."""
        longest = self.configuration.request_seconds if seconds is None else seconds
        try:
            delivered = self._line.flush(min(float(longest), TIMEOUT_MAX))
        except Exception as error:  # noqa: BLE001
            self._mishap("flush", error)
            return False
        if self.configuration.strict:
            self._insist(delivered=delivered)
        return delivered

    def close(self) -> None:
        """Send what is left, within `exit_seconds`, and take nothing more."""
        self._line.close(self.configuration.exit_seconds)
        if self._gpu is not None:
            self._gpu.stop()

    def counters(self) -> Counters:
        """Tell what became of everything, in numbers."""
        return self._line.counters()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _in_child(self) -> None:
        if self._gpu is not None:
            self._gpu.restart_after_fork()

    def _part(self, about: str, otherwise: T, make: Callable[[], T]) -> T:
        """Make a part of a trace; one that cannot be read is left out alone."""
        try:
            return make()
        except Exception as error:  # noqa: BLE001
            self._mishap(about, error)
            return otherwise

    def _problem(self, message: str) -> None:
        """Hear of something that breaks the contract: in strict mode it is raised, else it is left out."""
        if self.configuration.strict:
            raise InvalidTelemetryError(message)
        self._leave_out(message)

    def _mishap(self, about: str, error: Exception) -> None:
        """Hear of something that was handed in and cannot be read at all."""
        if self.configuration.strict:
            raise error
        self._leave_out(f"{about}: {_told(error)}; it was left out, check what is handed in")

    def _leave_out(self, message: str) -> None:
        self._line.refused_here()
        self._say_once(message)

    def _say_once(self, message: str) -> None:
        if message[:_SHOWN] not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(message[:_SHOWN])
            _log.warning("ovpo: %s", message)

    def _finished(self) -> None:
        if self.configuration.strict:
            self.flush()

    def _insist(self, *, delivered: bool) -> None:
        seen = self.counters()
        if not delivered:
            raise DeliveryError(f"{seen.waiting} items are not delivered; tries that failed: {seen.failures}")
        if seen.refused or seen.dropped:
            raise DeliveryError(
                f"the collector refused {seen.refused} items {seen.refusals}, {seen.dropped} were dropped"
            )


def _told(error: Exception) -> str:
    kind = type(error).__name__
    try:
        return f"{kind}: {error}"
    except Exception:  # noqa: BLE001 - somebody else's __str__ may do anything
        return kind


def _ignored(message: str) -> None:
    """Hear nothing."""


def _done() -> None:
    """Have nothing to do."""


def _no_gpu() -> GpuMetrics | None:
    return None


def _decorator(make: Callable[[], Any]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
                with make():
                    return await function(*args, **kwargs)

            return cast("Callable[P, R]", awaited)

        if inspect.isasyncgenfunction(function):

            @wraps(function)
            async def streamed(*args: P.args, **kwargs: P.kwargs) -> Any:
                with make():
                    async with aclosing(function(*args, **kwargs)) as items:
                        async for item in items:
                            yield item

            return cast("Callable[P, R]", streamed)

        if inspect.isgeneratorfunction(function):

            @wraps(function)
            def generated(*args: P.args, **kwargs: P.kwargs) -> Any:
                with make():
                    return (yield from function(*args, **kwargs))

            return cast("Callable[P, R]", generated)

        @wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            with make():
                return function(*args, **kwargs)

        return called

    return decorate
