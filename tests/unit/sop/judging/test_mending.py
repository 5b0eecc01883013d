# SPDX-License-Identifier: Apache-2.0
"""What of a stretch that the reading left out is its step all the same."""

import numpy as np

from ovpo.sop.judging.comparing import _eased
from ovpo.sop.judging.limits import Limits
from ovpo.sop.judging.mending import mended
from ovpo.sop.judging.reading import NOWHERE, Reading
from ovpo.sop.judging.runs import runs
from ovpo.sop.judging.visits import Run, tell

ROWS = 40
STEP_OF = np.zeros(ROWS, np.int32)
LEVEL = 0.9


def read(left_out: slice) -> Run:
    shown = np.arange(ROWS, dtype=np.int32)
    shown[left_out] = NOWHERE
    reading = Reading(shown, np.zeros_like(shown), np.zeros(ROWS, np.bool_), 0.0)
    return tell(reading, STEP_OF, np.ones(ROWS, np.bool_))


def alike_but(*unlike: slice) -> np.ndarray:
    likeness = np.full((ROWS, ROWS), 0.85, np.float32)
    for rows in unlike:
        likeness[:, rows] = 0.2
    return likeness


def test_of_a_stretch_that_is_partly_unlike_only_that_part_stays_out() -> None:
    run = mended(read(slice(8, 32)), alike_but(slice(14, 30)), LEVEL, STEP_OF, Limits(), 0.25)
    assert [(aside.first, aside.end) for aside in run.asides] == [(14, 32)]


def test_a_few_rows_that_are_alike_by_chance_do_not_break_a_stretch_up() -> None:
    run = mended(read(slice(8, 32)), alike_but(slice(8, 19), slice(21, 32)), LEVEL, STEP_OF, Limits(), 0.25)
    assert [(aside.first, aside.end) for aside in run.asides] == [(8, 32)]


def test_each_row_of_a_step_is_almost_as_alike_as_the_likest_and_no_row_of_another() -> None:
    likeness = np.array([[0.9, 0.1], [0.2, 0.3], [0.1, 0.8], [0.4, 0.5]], np.float32)
    eased = _eased(likeness, np.array([0, 0, 1, 1], np.int32), 0.25)
    np.testing.assert_allclose(eased, [[0.9, 0.1], [0.65, 0.3], [0.15, 0.8], [0.4, 0.55]], atol=1e-6)


def test_runs_are_told_by_first_row_and_end() -> None:
    assert runs(np.array([True, False, True, True, False, True])) == [(0, 1), (2, 4), (5, 6)]
    assert runs(np.zeros(3, np.bool_)) == []
