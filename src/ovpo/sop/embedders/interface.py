# SPDX-License-Identifier: Apache-2.0
"""What every embedder offers; callers know nothing else of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.embedding import Maker, Rows
from ovpo.sop.video.samples import Sample, Sampling


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What an embedder made of a video: rows, and how bright and how lively their pictures were."""

    rows: Rows
    brightness: NDArray[np.float32]
    motion: NDArray[np.float32]
    presence: NDArray[np.float32] | None = None
    """How much of the pictures of a row's own time is not background, where the embedder tells what is."""


class Embedder(Protocol):
    """Turns the samples of one video into rows, in one pass and in bounded memory."""

    @property
    def maker(self) -> Maker:
        """Say what it is and how it is set; equal makers give equal rows for equal samples."""

    @property
    def sampling(self) -> Sampling:
        """Say which pictures it wants."""

    def embed(self, samples: Iterable[Sample]) -> Seen:
        """Make the rows."""
