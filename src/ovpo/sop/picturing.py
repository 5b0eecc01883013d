# SPDX-License-Identifier: Apache-2.0
"""Takes the evidence of a comparison from its videos and draws everything that explains it."""

from pathlib import Path
from typing import Final

from ovpo.sop.comparing import Comparison
from ovpo.sop.explain.evidence import Pair, moments, pairs, without_pictures
from ovpo.sop.explain.matrix import Similarity
from ovpo.sop.explain.pictures import Pictures, drawn
from ovpo.sop.result import Result
from ovpo.sop.video.pictures import pictures_at

LONGEST_SIDE: Final = 640


def pictures_of(comparison: Comparison) -> Pictures:
    """Draw a comparison; of stored embeddings there are no frames to show."""
    similarity = None
    if comparison.likeness is not None and comparison.likeness.size:
        similarity = Similarity(comparison.likeness, comparison.row_seconds, comparison.row_seconds)
    return drawn(comparison.result, similarity, _pairs(comparison.result, comparison.gold, comparison.trainee))


def _pairs(result: Result, gold: Path | None, trainee: Path | None) -> tuple[Pair, ...]:
    if gold is None or trainee is None:
        return without_pictures(result)
    return pairs(
        result,
        pictures_at(gold, moments(result, "gold"), LONGEST_SIDE),
        pictures_at(trainee, moments(result, "trainee"), LONGEST_SIDE),
    )
