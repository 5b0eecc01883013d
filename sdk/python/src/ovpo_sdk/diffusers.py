# SPDX-License-Identifier: Apache-2.0
"""Observes pipelines of diffusers, whichever: their stages as spans, their steps and frames as events.

    pipeline = observe(DiffusionPipeline.from_pretrained("…"), client)
    video = pipeline(prompt="…").frames[0]

The pipeline computes what it computes without: what is put around its components comes off when the call ends.
"""

from __future__ import annotations

import copy
import inspect
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self, TypeVar, get_args

from diffusers.pipelines.pipeline_utils import DiffusionPipeline

from ovpo_sdk.current import current_trace
from ovpo_sdk.diffusion.calls import Call, described
from ovpo_sdk.diffusion.events import Step, stats_at, tell_step
from ovpo_sdk.diffusion.watching import LATENTS, Told, Watch, Wishes
from ovpo_sdk.errors import ConfigurationError
from ovpo_sdk.harmless import Harmless
from ovpo_sdk.kinds import SpanKind

if TYPE_CHECKING:
    from ovpo_sdk.client import OvpoClient
    from ovpo_sdk.span import Span
    from ovpo_sdk.trace import Trace

Pipeline = TypeVar("Pipeline", bound=DiffusionPipeline)
DEFAULT_FPS: Final = 8.0
"""What diffusers' own examples write their videos with."""
_VIDEO: Final = frozenset({"num_frames", "video_length", "video"})
"""What the pipelines that make videos take."""


class Observed:
    """A pipeline whose calls are traced. Everything else is the pipeline's own: attributes are read and set there."""

    __slots__ = ("_ovpo_client", "_ovpo_fps", "_ovpo_model", "_ovpo_signature", "_ovpo_wishes", "pipeline")

    def __init__(
        self, pipeline: DiffusionPipeline, client: OvpoClient, model: str | None, fps: float, wishes: Wishes
    ) -> None:
        for name, value in (
            ("pipeline", pipeline),
            ("_ovpo_client", client),
            ("_ovpo_model", model),
            ("_ovpo_fps", fps),
            ("_ovpo_wishes", wishes),
            ("_ovpo_signature", inspect.signature(pipeline.__call__)),
        ):
            object.__setattr__(self, name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the pipeline and give what it gives, in the current trace or else in one of its own."""
        call = self._ovpo_read(args, kwargs)
        if call is None:
            return self.pipeline(*args, **kwargs)
        trace = current_trace()
        if trace is not None:
            return self._ovpo_run(trace, call, args, kwargs)
        with self._ovpo_client.trace(
            call.model,
            prompt=call.prompt,
            negative_prompt=call.negative_prompt,
            seed=call.seed,
            config=call.config,
        ) as own:
            output = self._ovpo_run(own, call, args, kwargs)
            if getattr(self.pipeline, "interrupt", False) is True:
                own.cancel("the pipeline was interrupted before its last step")
            return output

    def _ovpo_read(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        if not self._ovpo_client.configuration.enabled:
            return None
        try:
            self._ovpo_signature.bind(*args, **kwargs)
        except TypeError:
            return None
        with Harmless("read what a pipeline is called with", strict=self._ovpo_wishes.strict):
            return described(
                self.pipeline, self._ovpo_signature, args, kwargs, model=self._ovpo_model, fps=self._ovpo_fps
            )
        return None

    def _ovpo_run(self, trace: Trace, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        watch = Watch(self.pipeline, trace, call, self._ovpo_wishes)
        with watch.running():
            output = self.pipeline(*args, **watch.arguments(self._ovpo_signature, args, kwargs))
            watch.finish(output)
            return output

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move the pipeline, and go on observing it."""
        self.pipeline.to(*args, **kwargs)
        return self

    def __copy__(self) -> Self:
        return self._ovpo_of(self.pipeline)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self._ovpo_of(copy.deepcopy(self.pipeline, memo))

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("an observed pipeline cannot be pickled; pickle its .pipeline, and observe what is unpickled")

    def _ovpo_of(self, pipeline: DiffusionPipeline) -> Self:
        return type(self)(pipeline, self._ovpo_client, self._ovpo_model, self._ovpo_fps, self._ovpo_wishes)

    def __getattr__(self, name: str) -> Any:
        if name in Observed.__slots__:
            raise AttributeError(f"{name} is not set; make an observed pipeline with ovpo_sdk.diffusers.observe")
        return getattr(self.pipeline, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.pipeline, name, value)

    def __repr__(self) -> str:
        return f"Observed({self.pipeline!r})"


def observe(
    pipeline: DiffusionPipeline | Observed,
    client: OvpoClient,
    *,
    model: str | None = None,
    tell: Told | None = None,
    latent_every: int = 1,
    fps: float = DEFAULT_FPS,
    synchronize: bool = True,
) -> Observed:
    """Observe a pipeline: call what you get as you would call the pipeline.

    Args:
        pipeline: any pipeline of diffusers.
        client: what brings the traces away.
        model: what to call it in traces; else what it was loaded by, else its class.
        tell: what has the numbers of the trace's frame events. "frames": each picture that comes out, from 0, and of
            the steps the last; "steps": each step, and still images after them; "nothing": neither, where you tell of
            them yourself. By default "frames" of pipelines that make videos, "steps" of others.
        latent_every: look at the latents after every so many steps; 0 never does.
        fps: how many frames a second a video has, where the call does not name `fps` or `frame_rate`.
        synchronize: wait for CUDA between stages, about four times a call, so that each is told its own time.
    """
    if not isinstance(latent_every, int) or latent_every < 0:
        raise ConfigurationError(f"latent_every is {latent_every!r}; give a whole number, or 0 to look at no latents")
    if not 0 < fps < float("inf"):
        raise ConfigurationError(f"fps is {fps!r}; give a number above 0")
    if tell not in {None, *get_args(Told)}:
        raise ConfigurationError(f"tell is {tell!r}; give one of {', '.join(get_args(Told))}")
    bare = pipeline.pipeline if isinstance(pipeline, Observed) else pipeline
    told: Told = tell or ("frames" if _VIDEO & set(inspect.signature(type(bare).__call__).parameters) else "steps")
    return Observed(bare, client, model, fps, Wishes(told, latent_every, synchronize, client.configuration.strict))


def load(pipeline_class: type[Pipeline], name_or_path: Any, client: OvpoClient, **kwargs: Any) -> Pipeline:
    """Load a pipeline as `from_pretrained` does, and tell of it in the current trace, if there is one."""
    with client.span(SpanKind.LOAD, attributes={"model.pipeline": pipeline_class.__name__}):
        return pipeline_class.from_pretrained(name_or_path, **kwargs)


class StepObserver:
    """For those who call a pipeline themselves: `pipeline(…, callback_on_step_end=StepObserver(span))`.

    Each step is a frame event with a number of its own; number frames that you tell of in the same trace after them.
    """

    def __init__(self, span: Span, *, latent_every: int = 1, strict: bool = False) -> None:
        """Take the span of the sampling, and how often to look at the latents; 0 for never."""
        self._span = span
        self._every = latent_every
        self._strict = strict

    def __call__(self, pipeline: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - as diffusers calls it
        """Tell of a step, and change nothing."""
        with Harmless("observe a step", strict=self._strict):
            seen = stats_at(step, tensors.get(LATENTS), every=self._every)
            tell_step(Step(self._span, step, seen, datetime.now(UTC)), numbered=True)
        return tensors
