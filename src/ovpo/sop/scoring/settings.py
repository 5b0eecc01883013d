# SPDX-License-Identifier: Apache-2.0
"""What a procedure may set about its score and its verdict, with the values that hold where it sets none.

The weights keep two promises. All that slowness can cost (over time, temporal warp, path stretch, duplicate ratio)
is 11 points, and a step that is left out costs 30 at least. A step that is swapped, executed wrongly, slow and unlike
the gold's at once still costs less than its absence, so leaving out more never scores higher.
"""

from typing import Final

from msgspec import Struct, structs


class Weights(Struct, frozen=True, kw_only=True):
    """The points that each metric costs where its value is 1."""

    missing: float = 100.0
    swap: float = 30.0
    extra: float = 30.0
    repeat: float = 30.0
    deviation_share: float = 30.0
    over_time_ratio: float = 6.0
    temporal_warp: float = 3.0
    path_stretch: float = 1.0
    duplicate_ratio: float = 1.0
    order_violation: float = 2.0
    drift: float = 2.0
    confidence_loss: float = 2.0
    local_similarity_gap: float = 2.0
    hard_miss_ratio: float = 4.0
    alignment_cost: float = 2.0


class Scoring(Struct, frozen=True, kw_only=True):
    """How a run is marked and judged."""

    weights: Weights = Weights()
    threshold: float = 80.0
    """The points that a run needs to pass."""
    review_band: float = 3.0
    """A run with deviations that is this close to the threshold is looked at by a person."""
    sure_confidence: float = 0.6
    """A deviation of less confidence decides nothing without a person."""
    critical_severity: float = 0.3
    """How much of a critical step must be done wrongly, too slowly or too fast for the run to fail by it."""
    least_seconds: float = 3.0
    """A shorter video is not judged."""
    dark_brightness: float = 0.05
    """A video whose median brightness is lower shows nothing."""
    still_motion: float = 0.0004
    """A video that moves less than this in nine rows of ten shows nobody at work."""
    explained_share: float = 0.5
    """Where less of what was matched looks like the gold, or less of the trainee's video while few steps are found,
    it is another procedure."""
    found_share: float = 0.5
    """Few steps are this share of them or less."""


USUAL: Final = Scoring()
RANGES: Final[dict[str, tuple[float, float]]] = {
    "threshold": (0.0, 100.0),
    "review_band": (0.0, 50.0),
    "sure_confidence": (0.0, 1.0),
    "critical_severity": (0.0, 1.0),
    "least_seconds": (0.5, 3600.0),
    "dark_brightness": (0.0, 1.0),
    "still_motion": (0.0, 1.0),
    "explained_share": (0.0, 1.0),
    "found_share": (0.0, 1.0),
}
"""What each number of Scoring may be, from and to."""
WEIGHT_RANGE: Final = (0.0, 100.0)


def listed(scoring: Scoring) -> dict[str, float]:
    """Give every number under its dotted name, for the settings that a result records."""
    weights = {f"scoring.weights.{name}": value for name, value in structs.asdict(scoring.weights).items()}
    return {f"scoring.{name}": getattr(scoring, name) for name in RANGES} | weights
