# SPDX-License-Identifier: Apache-2.0
"""Which execution of a workflow is going on in this process: ComfyUI executes one after the other.

ComfyUI tells nobody that an execution began or failed. It asks every node `IS_CHANGED` before it executes any, and
hands the nodes of one execution the same `PROMPT` object; with these two, what an earlier execution left open is known
to be over.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from ovpo_sdk.comfyui.graph import Graph, Settings, settings_in
from ovpo_sdk.comfyui.run import Clock, Run
from ovpo_sdk.failures import failure_of, status_of
from ovpo_sdk.forks import renew_in_children
from ovpo_sdk.harmless import Harmless
from ovpo_sdk.kinds import FailureKind, SpanStatus, TraceStatus
from ovpo_sdk.latents import latent_stats
from ovpo_sdk.records import Failure
from ovpo_sdk.shaping.frames import shaped_quality

if TYPE_CHECKING:
    from ovpo_sdk.client import OvpoClient

UNFINISHED: Final = Failure(FailureKind.CANCELLED, "the workflow ended before its OVPO Finish", retryable=False)
INTERRUPTED: Final = Failure(FailureKind.CANCELLED, "the workflow was interrupted", retryable=False, stage="sampling")
_INTERRUPTION: Final = "InterruptProcessingException"
"""What ComfyUI raises in a sampler when somebody presses the button."""


def _now() -> datetime:
    return datetime.now(UTC)


class Runs:
    """The open run, if there is one. Nothing here raises into a workflow, but for a strict client."""

    def __init__(self, client_factory: Callable[[], OvpoClient], clock: Clock = _now) -> None:
        self._make_client = client_factory
        self._clock = clock
        self._lock = threading.RLock()
        self._made: OvpoClient | None = None
        self._open: Run | None = None
        renew_in_children(self)

    def after_fork_in_child(self) -> None:
        """Leave the open run to the parent."""
        self._lock = threading.RLock()
        self._open = None

    @property
    def client(self) -> OvpoClient:
        """The client of this process, made when it is needed first."""
        with self._lock:
            if self._made is None:
                self._made = self._make_client()
                atexit.register(self.close)
            return self._made

    @property
    def enabled(self) -> bool:
        """Whether anything is traced."""
        return self.client.configuration.enabled

    def new_execution(self) -> None:
        """What is open belongs to an execution that is over."""
        with self._lock, self._harmless("end the trace before"):
            self._stop(TraceStatus.CANCELLED, UNFINISHED)

    def begin(self, settings: Settings, graph: Graph | None) -> None:
        """An OVPO Start is executed: another one of the same execution joins its run."""
        with self._lock, self._harmless("begin a trace"):
            run = self._open
            if run is not None and run.graph is not None and run.graph is not graph:
                self._stop(TraceStatus.CANCELLED, UNFINISHED)
                run = None
            if run is None:
                self._open = Run(self.client, self._clock, settings, graph)
            else:
                run.graph = graph

    @contextmanager
    def sampling(self, settings: Settings) -> Iterator[None]:
        """Observe a sampler at work, and why it broke if it did; one within another is a part of it."""
        began = False
        with self._lock, self._harmless("begin a sampling"):
            run = self._running(settings)
            began = not run.is_sampling
            if began:
                run.sampling_began()
        try:
            yield
        except BaseException as error:
            with self._lock, self._harmless("tell of a failure"):
                self._broke(error)
            raise
        if began:
            with self._lock, self._harmless("end a sampling"):
                if self._open is not None:
                    self._open.sampling_ended()

    def step(self, settings: Settings, sigma: Any, denoised: Any) -> None:
        """Observe what a model evaluation left."""
        with self._lock, self._harmless("observe a sampling step"):
            stats = latent_stats(denoised)
            self._running(settings).step(_number(sigma), stats)

    def finish(self, images: Any, fps: float, graph: Graph | None) -> str | None:
        """An OVPO Finish is executed: the run ends; give its id. Where nothing was sampled, it is a run of its own."""
        with self._lock, self._harmless("end a trace"):
            run = self._running(settings_in(graph))
            self._open = None
            run.finish([_quality(image) for image in images], fps if fps > 0 else 1.0, graph)
            return run.id
        return None

    def close(self) -> None:
        """The program ends."""
        self.new_execution()

    def _running(self, settings: Settings) -> Run:
        if self._open is None:
            self._open = Run(self.client, self._clock, settings, None)
        return self._open

    def _broke(self, error: BaseException) -> None:
        if self._open is not None and self._open.is_sampling:
            self._open.sampling_ended(status=SpanStatus.ERROR)
        if type(error).__name__ == _INTERRUPTION:
            self._stop(TraceStatus.CANCELLED, INTERRUPTED)
        else:
            self._stop(status_of(error), failure_of(error, "sampling"))

    def _stop(self, status: TraceStatus, failure: Failure) -> None:
        run, self._open = self._open, None
        if run is not None:
            run.stop(status, failure)

    def _harmless(self, doing: str) -> Harmless:
        return Harmless(doing, strict=self._made is not None and self._made.configuration.strict)


def _number(sigma: Any) -> float | None:
    """Read a noise level, which comes as one number for each of a batch."""
    try:
        return float(sigma.reshape(-1)[0]) if hasattr(sigma, "reshape") else float(sigma)
    except (TypeError, ValueError, IndexError):
        return None


def _quality(image: Any) -> dict[str, float]:
    """Look at an image of values from 0 to 1: how bright it is; a broken one, of NaN, tells nothing."""
    return shaped_quality({"brightness_avg": float(image.mean()) * 255}, lambda _: None)
