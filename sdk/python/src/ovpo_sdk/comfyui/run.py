# SPDX-License-Identifier: Apache-2.0
"""One execution of a workflow as a trace: what is sent when it begins, samples, finishes, breaks. Knows no ComfyUI.

The steps of a sampling concern every frame of the video at once, so they are told by the span: how far the latents
spread at each noise level, in `custom.comfyui_latent_std`. One event, of frame 0, holds what the last step left:
frame events have to come in the order of the frames, which those of a sampling that took minutes would not, beside
the frames that were decoded after it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ovpo_sdk.bridging import Sink, emit_trace
from ovpo_sdk.comfyui.graph import Graph, Settings, hash_of
from ovpo_sdk.ids import new_id
from ovpo_sdk.kinds import EventType, SpanKind, SpanStatus, TraceStatus
from ovpo_sdk.records import SCHEMA_VERSION, Failure, FrameRecord, LatentStats, SpanRecord, TraceRecord
from ovpo_sdk.shaping.attributes import MOST_CHARACTERS, Attribute

Clock = Callable[[], datetime]

_SPREAD_CHARACTERS: Final = 8
"""What one number of the curve takes in its JSON text, at most: `12.3456, `."""


@dataclass(slots=True)
class _Pass:
    """One sampling: a sampler node at work."""

    began: datetime
    span_id: str = field(default_factory=new_id)
    steps: int = 0
    sigma: float | None = None
    spreads: list[float | None] = field(default_factory=list)
    bad_steps: int = 0
    last: LatentStats | None = None
    last_at: datetime | None = None


class Run:
    """A trace from its first record to its last."""

    def __init__(self, sink: Sink, clock: Clock, settings: Settings, graph: Graph | None) -> None:
        self.id: Final = new_id()
        self.settings: Final = settings
        self.graph = graph
        """The workflow, as the same object for all nodes of one execution; None until a node was given it."""
        self._sink = sink
        self._clock = clock
        self._began = self._heard = clock()
        self._pass: _Pass | None = None
        self._sampled: _Pass | None = None
        self._sampled_at: datetime | None = None
        self._tell(TraceStatus.GENERATING)

    @property
    def is_sampling(self) -> bool:
        """Whether a sampling is open."""
        return self._pass is not None

    def sampling_began(self) -> None:
        """A sampler starts."""
        self._heard = self._clock()
        self._pass = _Pass(self._heard)

    def step(self, sigma: float | None, stats: LatentStats | None) -> None:
        """Tell what a model evaluation left; evaluations at one noise level are one step."""
        if self._pass is None:
            self.sampling_began()
        now = self._pass
        assert now is not None  # noqa: S101 - set in the line above
        spread = None if stats is None or stats.std_dev is None else round(stats.std_dev, 4)
        if now.steps and sigma is not None and sigma == now.sigma:
            now.spreads[-1] = spread
        else:
            now.steps += 1
            now.spreads.append(spread)
            now.bad_steps += bool(stats is not None and (stats.nan_count or stats.inf_count))
        self._heard = self._clock()
        now.sigma, now.last, now.last_at = sigma, stats, self._heard

    def sampling_ended(self, *, status: SpanStatus = SpanStatus.OK, at: datetime | None = None) -> None:
        """A sampler is done, or broke."""
        if self._pass is None:
            return
        done, self._pass = self._pass, None
        self._sampled, self._sampled_at = done, at or self._clock()
        self._heard = self._sampled_at
        self._span(done.span_id, SpanKind.SAMPLING, "sampling", done.began, self._sampled_at, status, _told(done))

    def finish(self, quality: Sequence[Mapping[str, float]], fps: float, graph: Graph | None) -> None:
        """Tell of the frames that came of it, and end well."""
        now = self._clock()
        self.graph = graph
        if self._pass is not None:
            self.sampling_ended(at=self._pass.last_at or now)
        self._tell_last_step()
        span_id = new_id()
        for index, metrics in enumerate(quality):
            self._sink.emit(
                FrameRecord(
                    event_id=new_id(),
                    trace_id=self.id,
                    span_id=span_id,
                    event_type=EventType.GENERATED,
                    observed_at=now,
                    frame_index=index,
                    media_time_ms=index * 1000 / fps,
                    quality_metrics=dict(metrics),
                    schema_version=SCHEMA_VERSION,
                )
            )
        if self._sampled_at is not None:
            self._span(span_id, SpanKind.DECODE, "decode", self._sampled_at, now, SpanStatus.OK, {})
        else:
            cached: dict[str, Attribute] = {"custom.comfyui_sampling_cached": True}
            self._span(span_id, SpanKind.POSTPROCESS, "frames", self._began, now, SpanStatus.OK, cached)
        self._tell(TraceStatus.COMPLETED, None, now)

    def stop(self, status: TraceStatus, failure: Failure) -> None:
        """End badly, when it was last heard of: that another node failed is noticed much later."""
        ended = self._heard
        self.sampling_ended(status=SpanStatus.ERROR, at=ended)
        self._tell_last_step()
        self._tell(status, failure, ended)

    def _tell_last_step(self) -> None:
        seen = self._sampled
        if seen is None or seen.last is None or seen.last_at is None:
            return
        self._sink.emit(
            FrameRecord(
                event_id=new_id(),
                trace_id=self.id,
                span_id=seen.span_id,
                event_type=EventType.SAMPLED,
                observed_at=seen.last_at,
                frame_index=0,
                media_time_ms=0.0,
                step_index=seen.steps - 1,
                latent_stats=seen.last,
                schema_version=SCHEMA_VERSION,
            )
        )

    def _span(
        self,
        span_id: str,
        kind: SpanKind,
        name: str,
        began: datetime,
        ended: datetime,
        status: SpanStatus,
        attributes: dict[str, Attribute],
    ) -> None:
        ended = max(began, ended)
        self._sink.emit(
            SpanRecord(
                span_id=span_id,
                trace_id=self.id,
                span_kind=kind,
                name=name,
                start_time=began,
                end_time=ended,
                duration_ms=(ended - began).total_seconds() * 1000,
                status=status,
                attributes=attributes,
                schema_version=SCHEMA_VERSION,
            )
        )

    def _tell(self, status: TraceStatus, failure: Failure | None = None, ended: datetime | None = None) -> None:
        emit_trace(
            self._sink,
            TraceRecord(
                trace_id=self.id,
                status=status,
                pipeline_config={"model": self.settings.model},
                input_context={"prompt_hash": hash_of(self.graph)},
                created_at=self._began,
                started_at=self._began,
                completed_at=ended,
                failure=failure,
                tags=dict(self.settings.tags),
                schema_version=SCHEMA_VERSION,
            ),
        )


def _told(done: _Pass) -> dict[str, Attribute]:
    attributes: dict[str, Attribute] = {"custom.comfyui_steps": done.steps}
    if any(spread is not None for spread in done.spreads):
        every = -(-len(done.spreads) * _SPREAD_CHARACTERS // MOST_CHARACTERS)
        attributes["custom.comfyui_latent_std"] = json.dumps(done.spreads[::-every][::-1])
        attributes["custom.comfyui_latent_std_every"] = every
    if done.bad_steps:
        attributes["custom.comfyui_steps_not_finite"] = done.bad_steps
    return attributes
