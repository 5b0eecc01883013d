# SPDX-License-Identifier: Apache-2.0
"""More steps are asked for than there are rows."""

import numpy as np
import pytest

from ovpo.sop.steps.segmenting import boundaries


@pytest.mark.parametrize(("rows", "count"), [(4, 9), (2, 3), (0, 2), (5, 40), (0, None)])
def test_more_steps_than_rows_are_not_made(rows: int, count: int | None) -> None:
    assert len(boundaries(np.eye(rows, 12, dtype=np.float32), 0.25, count)) == max(rows - 1, 0)
