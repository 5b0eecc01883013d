# SPDX-License-Identifier: Apache-2.0
"""Finds where one step of a gold video ends and the next begins."""

from typing import Final

import numpy as np

from ovpo.sop.embedding import Rows

LEAST_SECONDS: Final = 1.5
"""No step that is found is shorter."""
MOST_ROWS: Final = 3000
"""Longer videos are looked at more coarsely, for the time taken grows with the square."""
PENALTY: Final = 1.0


def boundaries(rows: Rows, row_seconds: float, count: int | None) -> tuple[int, ...]:
    """Give the first row of each step but the first: of so many steps, or of as many as the pictures tell."""
    import ruptures

    every = max(-(-len(rows) // MOST_ROWS), 1)
    coarse = rows[: len(rows) // every * every].reshape(-1, every, rows.shape[1]).mean(axis=1) if every > 1 else rows
    least = max(round(LEAST_SECONDS / row_seconds / every), 1)
    if count is not None:
        count = max(min(count, len(coarse)), 1)
        least = max(min(least, len(coarse) // count), 1)
    if len(coarse) < 2 * least or count == 1:
        return ()
    search = ruptures.KernelCPD(kernel="linear", min_size=least).fit(coarse.astype(np.float64))
    found = search.predict(n_bkps=count - 1) if count is not None else search.predict(pen=PENALTY * least)
    return tuple(int(end) * every for end in found[:-1])
