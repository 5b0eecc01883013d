# SPDX-License-Identifier: Apache-2.0
"""Small drawn videos of one procedure: its demonstration, runs of it, and what is no run of it."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.sop.encoding import encode
from bench.sop.scenes import tune
from bench.sop.scenes.takes import FaultPlan, Footage, Nuisance, Procedure, Size, Take
from ovpo.sop.result import DeviationType

SIZE = Size(256, 144)
RATE = 8.0
OWN: Procedure = tune.procedure(5, 1, steps=4)
OTHER: Procedure = tune.procedure(9, 7, steps=4)
MISSING = (FaultPlan(type=DeviationType.STEP_MISSING, step=3),)
TAKES = {
    "gold": Take(procedure=OWN),
    "retake": Take(procedure=OWN, person=1),
    "missing": Take(procedure=OWN, person=2, faults=MISSING),
    "unrelated": Take(procedure=OTHER, person=3),
    "late": Take(procedure=OWN, nuisance=Nuisance(name="lead-in", lead=4.0)),
    "still": Take(procedure=OWN, person=4, footage=Footage.STILL),
    "black": Take(procedure=OWN, person=4, footage=Footage.BLACK),
    "three frames": Take(procedure=OWN, person=4, footage=Footage.THREE_FRAMES),
}


@dataclass(frozen=True)
class Films:
    """The videos by name, each drawn when it is first asked for, and the procedure's definition."""

    folder: Path

    def __getitem__(self, name: str) -> Path:
        path = self.folder / f"{name.replace(' ', '-')}.mp4"
        if not path.exists():
            take = TAKES[name]
            sized = Take(
                procedure=take.procedure,
                person=take.person,
                faults=take.faults,
                nuisance=take.nuisance,
                footage=take.footage,
                size=SIZE,
                frames_per_second=RATE,
            )
            encode(tune.render(sized), path, SIZE, RATE)
        return path

    @property
    def definition(self) -> Path:
        path = self.folder / "procedure.json"
        path.write_text(json.dumps({"task": "drawn", "steps": [{"name": step.name} for step in OWN.steps]}))
        return path


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    return Films(tmp_path_factory.mktemp("films"))
