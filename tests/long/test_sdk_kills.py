# SPDX-License-Identifier: Apache-2.0
"""Programs that are killed again and again while the collector fails in every way: what was on disk arrives."""

import random
import time
from pathlib import Path

from ovpo_sdk.testing import Receiver
from ovpo_sdk.testing.faults import Answering, Cutting, Dripping, Fault, Hanging, Healthy, TakenThenCut
from tests.integration.sdk.started import line, run, started

SECONDS = 60
SEED = 20261121
FAULTS: tuple[Fault, ...] = (
    Healthy(),
    Healthy(),
    Hanging(),
    Answering(500),
    Answering(429, {"Retry-After": "0"}),
    Answering(200, body=b"<html>"),
    Dripping(pause_seconds=0.02),
    Cutting(),
    TakenThenCut(),
)


def test_no_run_that_was_on_disk_is_lost_however_often_its_program_is_killed(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    kept: set[str] = set()
    generation = 0
    with Receiver() as receiver:
        settings = {"spool": str(tmp_path), "request_seconds": 0.3, "flush_seconds": 0.05}
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            generation += 1
            with started(f"keeps_without_end {generation}", receiver, **settings) as process:
                for _ in range(chance.randrange(1, 20)):
                    receiver.fault = chance.choice(FAULTS)
                    kept.add(line(process) or "a program that ended by itself")
                process.kill()
        receiver.fault = Healthy()
        assert run("delivers_what_there_is", receiver, spool=str(tmp_path)) == (0, ["True 0"])
        assert len(kept) > 10 * generation / 2 > 5
        assert not receiver.refused
        assert not [one for one in receiver.repeats.values() if one.differed]
        found = {str(one.pipeline_config["model"]) for one in receiver.traces() if one.status == "COMPLETED"}
        assert kept <= found
        frames = [(one.trace_id, one.frame_index) for one in receiver.frames()]
        assert len(frames) == len(set(frames))
