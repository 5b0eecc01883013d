# SPDX-License-Identifier: Apache-2.0
"""The drawn procedure: every take is as long as its steps, and its files lie where an inbox wants them."""

import sys
from pathlib import Path

import av
import numpy as np
import pytest
import yaml

from examples.procedures import run
from examples.procedures.coffee import FILTER, STEPS, TAKES, TASK, Take, definition
from examples.procedures.drawing import RATE, pictures


@pytest.mark.parametrize("take", TAKES, ids=lambda take: take.name)
def test_a_take_is_as_long_as_its_steps_are_together(take: Take) -> None:
    wanted = sum(round(step.seconds * pace * RATE) for step, pace in take.steps)
    assert sum(1 for _ in pictures(take)) == wanted


def test_a_take_is_drawn_the_same_each_time() -> None:
    first, again = (next(pictures(TAKES[1])) for _ in range(2))
    assert np.array_equal(first, again)


def test_the_definition_names_the_steps_in_order_and_when_they_begin_in_the_demonstration() -> None:
    told = yaml.safe_load(definition())
    assert [step["name"] for step in told["steps"]] == [step.name for step in STEPS]
    assert [step["starts_at"] for step in told["steps"]] == [0, 5, 9, 13.5, 20.5]
    assert [step["name"] for step in told["steps"] if step.get("critical")] == [FILTER.name]


def test_the_files_lie_by_task_and_role_and_can_be_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "TAKES", [Take("short", "gold", [(FILTER, 0.25)])])
    monkeypatch.setattr(sys, "argv", ["run", str(tmp_path / "inbox"), "--definition", str(tmp_path / "it.yaml")])
    assert run.main() == 0
    (file,) = [path for path in (tmp_path / "inbox").rglob("*") if path.is_file()]
    assert file.relative_to(tmp_path / "inbox").parts == (TASK, "gold", "short.mp4")
    with av.open(str(file)) as container:
        assert sum(1 for _ in container.decode(video=0)) == RATE
    assert (tmp_path / "it.yaml").read_text() == definition()
