# SPDX-License-Identifier: Apache-2.0
"""From which motion on somebody does something."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

SHARE: Final = 0.2
"""Of the motion that most rows of a video have; a still bench has a sixth of it, the quietest step a quarter."""


def lively_motion(motion: NDArray[np.float32]) -> float:
    """Give the motion that tells work from a still bench; `motion` is that of all rows of a video."""
    return SHARE * float(np.percentile(motion, 70)) if len(motion) else 0.0
