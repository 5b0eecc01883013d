# SPDX-License-Identifier: Apache-2.0
"""The five stages of the pipeline, and what each tells of itself. How they are driven is up to `fake_video_gen`.

A stage is an iterator that pauses after every piece of work, so that one text serves plain and asynchronous callers.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from examples.pipelines import film, model, pixels
from examples.pipelines.machine import Machine
from examples.pipelines.memory import Memory, OutOfMemoryError
from examples.pipelines.prompt import embed
from examples.pipelines.request import Request
from examples.pipelines.scene import compose
from examples.pipelines.shelf import Shelf, Stored
from ovpo_sdk import (
    ArtifactRef,
    EventType,
    OvpoClient,
    Provenance,
    Span,
    SpanKind,
    Trace,
    Unsound,
    artifact,
    manifest,
    primary_output,
)
from ovpo_sdk.latents import latent_stats

Picture = NDArray[np.uint8]
_PROVENANCE = Provenance(source="sdk", source_version=pixels.VERSION, algorithm_id=pixels.ALGORITHM)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: what it is called, and its work, which is told to its span."""

    kind: SpanKind
    name: str
    work: Callable[[Span], Iterator[None]]


class Run:
    """One video in the making."""

    def __init__(self, client: OvpoClient, request: Request, machine: Machine, shelf: Shelf, trace: Trace) -> None:
        self._client = client
        self._request = request
        self._machine = machine
        self._shelf = shelf.below(trace.id)
        self._trace = trace
        self._memory = Memory(machine.memory_bytes)
        self._weights: model.Weights
        self._clip: model.Numbers
        self._latents: model.Numbers
        self.pictures: dict[int, Picture] = {}
        self.metrics: dict[int, Mapping[str, float]] = {}
        self.video: Stored

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Give the stages in order."""
        return (
            Stage(SpanKind.LOAD, "load weights", self._load),
            Stage(SpanKind.TEXT_ENCODE, "encode prompt", self._encode_prompt),
            Stage(SpanKind.SAMPLING, "denoise", self._sample),
            Stage(SpanKind.DECODE, "decode frames", self._decode),
            Stage(SpanKind.OUTPUT_ENCODE, "encode video", self._encode_video),
        )

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Give what every span says of the run."""
        return {"model.name": self._request.model, "gpu.model": self._machine.hardware}

    def _load(self, span: Span) -> Iterator[None]:
        self._weights = model.load(self._memory)
        span.set("custom.weights", self._weights.count)
        yield

    def _encode_prompt(self, span: Span) -> Iterator[None]:
        embedding = embed(self._request.prompt)
        span.set("custom.embedding_width", embedding.size)
        yield
        scene = compose(embedding, self._request.seed)
        self._clip = model.goal(self._weights, scene, self._request, self._memory)
        yield

    def _sample(self, span: Span) -> Iterator[None]:
        span.set("custom.steps", self._request.steps)
        limit = self._machine.sampling_seconds
        begun = self._machine.clock()
        for step, latents in enumerate(model.denoise(self._weights, self._clip, self._request, self._memory)):
            if step == 0:
                latents[sorted(self._machine.damaged)] = np.nan
            self._latents = latents
            self._tell_step(span, step)
            taken = self._machine.clock() - begun
            if limit is not None and taken > limit:
                done = f"{step + 1} of {self._request.steps} steps"
                raise TimeoutError(f"sampling took {taken:.2f} s for {done}; {limit:.2f} s are allowed")
            yield

    def _tell_step(self, span: Span, step: int) -> None:
        index = self._request.watched(step)
        if index is None:
            return
        span.frame(
            index,
            self._machine.media_time_ms(index, self._request.fps),
            step=step,
            latents=latent_stats(self._latents),
            event_type=EventType.SAMPLED,
            observed_at=self._machine.observed_at(),
        )

    def _decode(self, span: Span) -> Iterator[None]:
        before: Picture | None = None
        for index, latents in enumerate(self._latents):
            media_time_ms = self._machine.media_time_ms(index, self._request.fps)
            if np.isnan(latents).any():
                continue
            try:
                picture = model.decode(self._weights, latents, self._memory)
            except OutOfMemoryError:
                span.frame_error(index, media_time_ms, observed_at=self._machine.observed_at())
                raise
            self.pictures[index] = picture
            self.metrics[index] = pixels.measure(picture, before)
            span.frame(
                index,
                media_time_ms,
                quality=self.metrics[index],
                artifacts=self._thumbnails(index, picture),
                provenance=_PROVENANCE,
                observed_at=self._machine.observed_at(),
            )
            before = picture
            yield
        span.set("custom.frames", len(self.pictures))

    def _thumbnails(self, index: int, picture: Picture) -> tuple[ArtifactRef | Unsound, ...]:
        if index % self._request.thumbnail_every:
            return ()
        stored = self._shelf.write(f"thumbnails/{index:05d}.jpg", film.encode_thumbnail(picture))
        return (artifact("thumbnail", stored.uri, sha256=stored.sha256, size_bytes=stored.size_bytes),)

    def _encode_video(self, span: Span) -> Iterator[None]:
        made = film.encode_mp4(list(self.pictures.values()), self._request.fps)
        span.update({"custom.codec": made.codec, "custom.size_bytes": len(made.data)})
        yield
        with self._client.span(SpanKind.POSTPROCESS, "store video", self.attributes):
            self.video = self._shelf.write("video.mp4", made.data)
        output = primary_output(
            self.video.uri,
            checksum=f"sha256:{self.video.sha256}",
            codec=made.codec,
            resolution=f"{made.width}x{made.height}",
            duration_sec=made.seconds,
            file_size_bytes=self.video.size_bytes,
        )
        self._trace.output(manifest(output))
        yield
