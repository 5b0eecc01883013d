# SPDX-License-Identifier: Apache-2.0
"""Runs a scenario and tells whether it ended as it has to."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from examples.pipelines.fake_video_gen import generate, new_trace
from examples.pipelines.scenarios.scenario import Scenario
from examples.pipelines.shelf import Shelf
from ovpo_sdk import OvpoClient, TraceStatus


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a scenario ended."""

    scenario: str
    trace_id: str
    status: TraceStatus
    frames: int
    seconds: float
    video: Path | None
    problem: str | None
    """Why this is not the end that it has to have; None where it is."""


def run(
    scenario: Scenario,
    client: OvpoClient,
    shelf: Shelf,
    *,
    changes: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    hardware: str = "cpu",
    clock: Callable[[], float] = time.perf_counter,
) -> Outcome:
    """Run a scenario, with changes to what it asks for; the error that belongs to it is expected, others are told."""
    request = replace(scenario.request, **(changes or {}))
    trace = new_trace(client, request, {"scenario": scenario.name, **(tags or {})})
    machine = scenario.machine(request, hardware)
    begun = clock()
    video, error = None, None
    try:
        video = generate(client, request, machine=machine, shelf=shelf, trace=trace).video.path
    except Exception as caught:  # noqa: BLE001
        error = caught
    return Outcome(
        scenario=scenario.name,
        trace_id=trace.id,
        status=trace.status,
        frames=trace.seen_frames,
        seconds=clock() - begun,
        video=video,
        problem=_problem(scenario, trace.status, error),
    )


def _problem(scenario: Scenario, status: TraceStatus, error: Exception | None) -> str | None:
    if error is not None and not (scenario.raises and isinstance(error, scenario.raises)):
        return f"{type(error).__name__}: {error}"
    return None if status is scenario.ends else f"ended {status}; has to end {scenario.ends}"
