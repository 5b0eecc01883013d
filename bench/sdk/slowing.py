# SPDX-License-Identifier: Apache-2.0
"""How much slower the fake pipeline is with telemetry than without, run in turns until the answer is sure."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

from examples.pipelines.fake_video_gen import generate, generate_async
from examples.pipelines.request import Request
from examples.pipelines.shelf import Shelf
from ovpo_sdk import OvpoClient
from ovpo_sdk.testing.intervals import Excess, excess

WARM_UP: Final = 3
LEAST_PAIRS: Final = 20
SURE: Final = 0.01
"""Enough pairs were run when the interval is no wider than this to either side."""

Run = Callable[[OvpoClient], None]


def slowing(endpoint: str, key: str, *, asynchronous: bool, seconds: float) -> Excess:
    """Run the pipeline both ways in turns, for at most so long."""
    with TemporaryDirectory() as folder, OvpoClient(endpoint, key) as on, OvpoClient(enabled=False) as off:
        run = _run(Path(folder), asynchronous=asynchronous)
        for client in (on, off) * WARM_UP:
            run(client)
        return _compare(run, on, off, seconds)


def _compare(run: Run, on: OvpoClient, off: OvpoClient, seconds: float) -> Excess:
    without: list[float] = []
    beside: list[float] = []
    ends = perf_counter() + seconds
    while True:
        # Which goes first changes, so that neither always has the warmer caches.
        turns = [(off, without), (on, beside)]
        for client, times in turns if len(without) % 2 else reversed(turns):
            begun = perf_counter()
            run(client)
            times.append(perf_counter() - begun)
        if len(without) >= LEAST_PAIRS:
            seen = excess(without, beside, Random(1))
            if seen.high - seen.low <= 2 * SURE or perf_counter() > ends:
                return seen


def _run(folder: Path, *, asynchronous: bool) -> Run:
    request, shelf = Request(), Shelf.of_folder(folder)
    if asynchronous:
        return lambda client: _ignore(asyncio.run(generate_async(client, request, shelf=shelf)))
    return lambda client: _ignore(generate(client, request, shelf=shelf))


def _ignore(result: object) -> None:
    """Take what is not looked at."""
