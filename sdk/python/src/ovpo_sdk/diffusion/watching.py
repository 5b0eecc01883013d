# SPDX-License-Identifier: Apache-2.0
"""Watches one call of a pipeline: what the taps and hooks around its components report becomes stages and steps.

A tap is shared by whoever calls the pipeline at the time, in any thread: it reports to the watch of its own context,
and without one it does nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from inspect import Signature
from typing import TYPE_CHECKING, Any, Final, Literal

import torch
from diffusers.callbacks import MultiPipelineCallbacks, PipelineCallback
from diffusers.pipelines.pipeline_utils import DiffusionPipeline

from ovpo_sdk.diffusion.events import Step, stats_at, tell_pictures, tell_step
from ovpo_sdk.diffusion.outputs import pictures
from ovpo_sdk.diffusion.stages import Stages
from ovpo_sdk.diffusion.taps import Around, put_on
from ovpo_sdk.forwards import failure_of_forward, is_compiled_in_place, memory_used, settle, uses_cuda
from ovpo_sdk.harmless import Harmless
from ovpo_sdk.kinds import SpanKind

if TYPE_CHECKING:
    from ovpo_sdk.diffusion.calls import Call
    from ovpo_sdk.span import Span
    from ovpo_sdk.trace import Trace

ON_STEP_END: Final = "callback_on_step_end"
TENSORS: Final = "callback_on_step_end_tensor_inputs"
LATENTS: Final = "latents"
_TEXT_ENCODER: Final = re.compile(r"text_encoder|^bert$")
_DENOISER: Final = re.compile(r"unet|transformer|controlnet|^prior(_prior)?$|^decoder$")
_GUARD: Final = re.compile(r"safety_checker")
_SCHEDULER: Final = re.compile(r"scheduler$")
_ENCODING: Final = ("encode_prompt", "_encode_prompt")
_FINISHING: Final = ("postprocess", "postprocess_video")

Told = Literal["frames", "steps", "nothing"]

_watching: Final[ContextVar[Watch | None]] = ContextVar("ovpo_watching", default=None)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What whoever observes a pipeline wants to know."""

    tell: Told
    latent_every: int
    synchronize: bool
    strict: bool


class Watch:
    """One call of a pipeline while it runs."""

    def __init__(self, pipeline: DiffusionPipeline, trace: Trace, call: Call, wishes: Wishes) -> None:
        self._pipeline = pipeline
        self._trace = trace
        self._call = call
        self._wishes = wishes
        self._stages = Stages(self._begin, self._before_end)
        self._steps_of_call = 0
        self._steps_of_stage = 0
        self._steps_to_come: int | None = None
        self._not_finite_at: int | None = None
        self._last: Step | None = None
        self._decodes = False
        self._hooked = False
        self._undo: list[Callable[[], None]] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Be put on for the time of the call, and off again whatever happens."""
        place = _watching.set(self)
        try:
            with self._harmless("observe the pipeline's components"):
                self._put_on()
            yield
        except BaseException as error:
            with self._harmless("tell of the end of a call"):
                self._tell_last()
            with self._harmless("end a stage"):
                self._stages.end(error)
            raise
        finally:
            _watching.reset(place)
            while self._undo:
                with self._harmless("stop observing a component"):
                    self._undo.pop()()

    def arguments(self, signature: Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Give the call's named arguments, with a callback that tells of steps where the pipeline takes one."""
        given = dict(kwargs)
        with self._harmless("observe the steps"):
            by_place = set(list(signature.parameters)[: len(args)])
            if ON_STEP_END in signature.parameters and not by_place & {ON_STEP_END, TENSORS}:
                return given | self._callback(signature, given)
            for scheduler in self._schedulers():
                self._tap(scheduler, "step", _step_around)
        return given

    def finish(self, output: Any) -> None:
        """Tell of what came out, and end the last stage."""
        with self._harmless("tell of the end of a call"):
            self._tell_last()
            found = pictures(output)
            if found.count and self._tells_pictures(moving=found.moving):
                span = self._stages.latest or self._stages.enter(SpanKind.POSTPROCESS)
                tell_pictures(span, found, self._call.fps)
        with self._harmless("end a stage"):
            self._stages.end()

    def enter(self, kind: SpanKind) -> None:
        """Note that a stage begins, or goes on."""
        with self._harmless("begin a stage"):
            self._stages.enter(kind)

    def leave(self, kind: SpanKind, error: BaseException | None = None) -> None:
        """Note that what began a stage is over."""
        with self._harmless("end a stage"):
            self._stages.leave(kind, error)

    def expect_steps(self, count: int) -> None:
        """Note how many steps a scheduler has planned; where no denoiser can be observed, sampling begins with that."""
        self._steps_to_come = count
        if not self._hooked:
            self.enter(SpanKind.SAMPLING)

    def step(self, latents: Any, number: int | None = None) -> None:
        """Note that a step is over; the last one ends the sampling."""
        with self._harmless("observe a step"):
            self._note_step(self._stages.enter(SpanKind.SAMPLING), latents, number)
            self._steps_of_call += 1
            self._steps_of_stage += 1
            planned = getattr(self._pipeline, "num_timesteps", None)
            if self._steps_of_stage == (planned if isinstance(planned, int) else self._steps_to_come):
                self._stages.end()
                if not self._decodes:
                    self._stages.enter(SpanKind.POSTPROCESS)

    def _note_step(self, span: Span, latents: Any, number: int | None) -> None:
        number = self._steps_of_call if number is None else number
        seen = stats_at(number, latents, every=self._wishes.latent_every)
        if seen is not None and (seen.nan_count or seen.inf_count) and self._not_finite_at is None:
            self._not_finite_at = number
        self._last = Step(span, number, seen, datetime.now(UTC))
        if self._wishes.tell == "steps":
            tell_step(self._last, numbered=True)

    def _tell_last(self) -> None:
        """Tell of the last step under the number of the first frame, where the frames have the numbers."""
        if self._last is not None and self._wishes.tell == "frames":
            tell_step(self._last, numbered=False)

    def _tells_pictures(self, *, moving: bool) -> bool:
        if self._call.latents_wanted:
            return False
        return self._wishes.tell == "frames" or (self._wishes.tell == "steps" and not moving)

    def _begin(self, kind: SpanKind) -> Span:
        attributes = {"model.pipeline": type(self._pipeline).__name__}
        scheduler = getattr(self._pipeline, "scheduler", None)
        if kind is SpanKind.SAMPLING:
            self._steps_of_stage = 0
            attributes["model.scheduler"] = type(scheduler).__name__
        return self._trace.span(kind, attributes=attributes)

    def _before_end(self, span: Span) -> None:
        if self._wishes.synchronize:
            settle()
        seen: dict[str, float] = memory_used() if uses_cuda() else {}
        if span.kind is SpanKind.SAMPLING:
            seen["ovpo.steps"] = self._steps_of_stage
            if self._not_finite_at is not None:
                seen["ovpo.not_finite_at_step"] = self._not_finite_at
        span.update(seen)

    def _put_on(self) -> None:
        for name in _ENCODING:
            self._tap(self._pipeline, name, _ENCODE)
        for name, component in self._pipeline.components.items():
            if isinstance(component, torch.nn.Module):
                self._observe_module(name, component)
        for scheduler in self._schedulers():
            self._tap(scheduler, "set_timesteps", _timesteps_around(scheduler))
        for name, part in list(vars(self._pipeline).items()):
            if name.endswith("processor") and not isinstance(part, torch.nn.Module):
                for finishing in _FINISHING:
                    self._tap(part, finishing, _FINISH)
        self._tap(self._pipeline, "numpy_to_pil", _FINISH)

    def _observe_module(self, name: str, module: torch.nn.Module) -> None:
        if _TEXT_ENCODER.search(name):
            self._hook(module, SpanKind.TEXT_ENCODE)
        elif _GUARD.search(name):
            self._hook(module, SpanKind.GUARD)
        elif _DENOISER.search(name):
            self._hook_denoiser(module)
        elif callable(getattr(module, "decode", None)):
            self._decodes = True
            self._tap(module, "decode", _DECODE)

    def _schedulers(self) -> list[object]:
        found = self._pipeline.components.items()
        return [one for name, one in found if one is not None and _SCHEDULER.search(name)]

    def _tap(self, owner: object, name: str, around: Around) -> None:
        if callable(getattr(owner, name, None)):
            self._undo.append(put_on(owner, name, around))

    def _hook(self, module: torch.nn.Module, kind: SpanKind) -> None:
        if not is_compiled_in_place(module):
            self._hook_before(module, kind)
            self._undo.append(module.register_forward_hook(self._after_forward(kind), always_call=True).remove)

    def _hook_denoiser(self, module: torch.nn.Module) -> None:
        if not is_compiled_in_place(module):
            self._hooked = True
            self._hook_before(module, SpanKind.SAMPLING)

    def _hook_before(self, module: torch.nn.Module, kind: SpanKind) -> None:
        """Come before every other hook: the span of an observed module belongs into the stage."""

        def hook(*_: Any) -> None:
            if _watching.get() is self:
                self.enter(kind)

        self._undo.append(module.register_forward_pre_hook(hook, prepend=True).remove)

    def _after_forward(self, kind: SpanKind) -> Callable[..., None]:
        def hook(_module: torch.nn.Module, _arguments: Any, output: Any) -> None:
            if _watching.get() is self:
                self.leave(kind, failure_of_forward(output))

        return hook

    def _callback(self, signature: Signature, given: Mapping[str, Any]) -> dict[str, Any]:
        theirs = given.get(ON_STEP_END)
        if isinstance(theirs, PipelineCallback | MultiPipelineCallbacks):
            wanted = list(theirs.tensor_inputs)
        elif TENSORS in signature.parameters:
            wanted = list(given.get(TENSORS, signature.parameters[TENSORS].default) or ())
        else:
            wanted = []
        allowed = getattr(self._pipeline, "_callback_tensor_inputs", ())
        more = [LATENTS] if LATENTS in allowed and LATENTS not in wanted else []

        def on_step_end(pipeline: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> Any:
            self.step(tensors.get(LATENTS), step)
            if theirs is None:
                return {}
            return theirs(pipeline, step, timestep, {name: tensors[name] for name in tensors if name not in more})

        return {ON_STEP_END: on_step_end} | ({TENSORS: wanted + more} if TENSORS in signature.parameters else {})

    def _harmless(self, doing: str) -> Harmless:
        return Harmless(doing, strict=self._wishes.strict)


def _stage(kind: SpanKind, *, lasts: bool) -> Around:
    """Make what begins a stage with a method, and ends it with the method or, where it lasts, with the next stage."""

    def around(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        watch = _watching.get()
        if watch is None:
            return method(*args, **kwargs)
        watch.enter(kind)
        try:
            result = method(*args, **kwargs)
        except BaseException as error:
            watch.leave(kind, error)
            raise
        if not lasts:
            watch.leave(kind)
        return result

    return around


def _timesteps_around(scheduler: Any) -> Around:
    def around(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        result = method(*args, **kwargs)
        watch = _watching.get()
        if watch is not None:
            watch.expect_steps(len(getattr(scheduler, "timesteps", ())))
        return result

    return around


def _step_around(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    result = method(*args, **kwargs)
    watch = _watching.get()
    if watch is not None:
        watch.step(result[0] if isinstance(result, tuple) else getattr(result, "prev_sample", None))
    return result


_ENCODE: Final = _stage(SpanKind.TEXT_ENCODE, lasts=False)
_DECODE: Final = _stage(SpanKind.DECODE, lasts=True)
_FINISH: Final = _stage(SpanKind.POSTPROCESS, lasts=True)
