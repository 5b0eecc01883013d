# SPDX-License-Identifier: Apache-2.0
"""The examples as `ovpo compliance run examples.pipelines.runs:NAME` calls them; each gives a digest of its pixels."""

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

from examples.pipelines.fake_video_gen import generate
from examples.pipelines.scenarios.catalogue import SCENARIOS
from examples.pipelines.shelf import Shelf
from ovpo_sdk import OvpoClient


def _run(name: str, client: OvpoClient) -> str:
    scenario = SCENARIOS[name]
    with TemporaryDirectory(prefix="ovpo-example-") as folder:
        machine = scenario.machine(scenario.request, "cpu")
        made = generate(client, scenario.request, machine=machine, shelf=Shelf.of_folder(Path(folder)))
    pixels = hashlib.sha256()
    for _, frame in sorted(made.frames.items()):
        pixels.update(frame.tobytes())
    return f"{made.status} {pixels.hexdigest()}"


def fake_video_gen(client: OvpoClient) -> str:
    """Make a video."""
    return _run("fake_video_gen", client)


def oom(client: OvpoClient) -> str:
    """Run out of memory."""
    return _run("oom", client)


def timeout(client: OvpoClient) -> str:
    """Run out of time."""
    return _run("timeout", client)


def missing_frames(client: OvpoClient) -> str:
    """Lose some frames."""
    return _run("missing_frames", client)


def long_run(client: OvpoClient) -> str:
    """Make two thousand frames."""
    return _run("long_run", client)


def clock_skew(client: OvpoClient) -> str:
    """Have the clock set back on the way."""
    return _run("clock_skew", client)


def media_time(client: OvpoClient) -> str:
    """Have the time inside the video fall."""
    return _run("media_time", client)
