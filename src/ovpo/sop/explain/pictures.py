# SPDX-License-Identifier: Apache-2.0
"""Everything that is drawn of a result, made once for the folder, the page and the report."""

from dataclasses import dataclass

from ovpo.sop.explain.evidence import Pair
from ovpo.sop.explain.matrix import MatrixJson, Similarity, matrix_json
from ovpo.sop.explain.matrix_picture import matrix_png
from ovpo.sop.explain.timeline import Timeline, timeline
from ovpo.sop.explain.timeline_picture import timeline_png
from ovpo.sop.result import Result


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Pictures as PNG, and what the page needs to draw its own."""

    timeline: Timeline
    timeline_png: bytes
    matrix: MatrixJson | None
    matrix_png: bytes | None
    pairs: tuple[Pair, ...]


def drawn(result: Result, similarity: Similarity | None, pairs: tuple[Pair, ...]) -> Pictures:
    """Draw a result; where nothing could be compared there is no similarity, and no picture of it."""
    shown = timeline(result)
    return Pictures(
        timeline=shown,
        timeline_png=timeline_png(shown),
        matrix=None if similarity is None else matrix_json(similarity, result),
        matrix_png=None if similarity is None else matrix_png(similarity, result),
        pairs=pairs,
    )
