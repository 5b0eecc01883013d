# SPDX-License-Identifier: Apache-2.0
"""What the matching found, for the score and the verdict to weigh."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.result import Deviation, Interval, StepResult


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """Steps, deviations, and the row-by-row alignment that they come from."""

    steps: tuple[StepResult, ...]
    deviations: tuple[Deviation, ...]
    row_seconds: float
    gold_rows: int
    procedure: Interval
    """The trainee's video without what comes before and after the procedure."""
    path: NDArray[np.int32]
    """Pairs of gold row and trainee row that were matched, in the order of the trainee's rows; k x 2."""
    similarity: NDArray[np.float32]
    """The cosine of each of these pairs."""
    expected: float
    """The cosine that is usual between retakes of the same procedure (the calibration's median)."""
    least: float
    """The cosine under which two rows do not show the same thing (the calibration's threshold)."""
    brightness: NDArray[np.float32]
    """Of each row of the trainee's video, from 0 to 1."""
    motion: NDArray[np.float32]
    """Of each row of the trainee's video, from 0 to 1."""
