# SPDX-License-Identifier: Apache-2.0
"""A video pipeline in small: LOAD, TEXT_ENCODE, SAMPLING, DECODE, OUTPUT_ENCODE, and a trace that tells of them.

The video is computed, not played back: about a second of arithmetic turns noise into twenty frames. The same request
gives the same frames, metrics and file, whether anybody listens or not.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from examples.pipelines.machine import Machine
from examples.pipelines.request import Request
from examples.pipelines.shelf import Shelf, Stored
from examples.pipelines.stages import Run
from ovpo_sdk import OvpoClient, Trace, TraceStatus

DEFAULT_OUT: Final = Path(".ovpo/examples")
SOUND: Final = Machine()


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a request; frames that were lost are missing from both mappings."""

    trace_id: str
    status: TraceStatus
    frames: Mapping[int, NDArray[np.uint8]]
    metrics: Mapping[int, Mapping[str, float]]
    video: Stored


def new_trace(client: OvpoClient, request: Request, tags: Mapping[str, str] | None = None) -> Trace:
    """Make the trace of a run that is about to begin."""
    return client.trace(
        request.model,
        prompt=request.prompt,
        seed=request.seed,
        config=request.config,
        expected_frames=request.frames,
        tags={"origin": "examples", **(tags or {})},
    )


def generate(
    client: OvpoClient,
    request: Request,
    *,
    machine: Machine = SOUND,
    shelf: Shelf | None = None,
    trace: Trace | None = None,
) -> Result:
    """Make a video. What goes wrong is told by the trace and raised."""
    trace = trace or new_trace(client, request)
    run = Run(client, request, machine, shelf or Shelf.of_folder(DEFAULT_OUT), trace)
    with trace:
        for stage in run.stages:
            with trace.span(stage.kind, stage.name, run.attributes) as span:
                for _ in stage.work(span):
                    pass
    return Result(trace.id, trace.status, run.pictures, run.metrics, run.video)


async def generate_async(
    client: OvpoClient,
    request: Request,
    *,
    machine: Machine = SOUND,
    shelf: Shelf | None = None,
    trace: Trace | None = None,
) -> Result:
    """Make a video as `generate` does; others get their turn after every step and every frame."""
    trace = trace or new_trace(client, request)
    run = Run(client, request, machine, shelf or Shelf.of_folder(DEFAULT_OUT), trace)
    async with trace:
        for stage in run.stages:
            async with trace.span(stage.kind, stage.name, run.attributes) as span:
                for _ in stage.work(span):
                    await asyncio.sleep(0)
    return Result(trace.id, trace.status, run.pictures, run.metrics, run.video)
