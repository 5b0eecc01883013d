# SPDX-License-Identifier: Apache-2.0
"""What is worth opening of the scores of windows: a short table of verdicts, and the matrix of the worst one, small."""

from io import BytesIO
from typing import TYPE_CHECKING, Final

import msgspec
import polars as pl

from ovpo.foundation.objects.errors import ObjectNotFoundError
from ovpo.sop.procedures.keeping import load_matrix, load_result
from ovpo.sop.records.rows import Score, ScoreState
from ovpo.sop.records.scores import Scores
from ovpo.sop.working import Hours, Workplace

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_ROWS: Final = 40
MOST_BYTES: Final = 60_000
"""What a picture may have that is kept with an event for ever."""
MOST_LETTERS: Final = 160
SHORT: Final = 8
"""Letters of an id that tell it from others at a glance."""
WIDTHS: Final = (1000, 800, 640, 480, 320, 160)
COLOURS: Final = 48
LINES: Final = 96
"""Rows and columns that are drawn: noise between more of them is what would fill the bytes."""


def verdicts(scores: pl.DataFrame) -> pl.DataFrame:
    """Tell of each finished score of a table what it came to, the worst first."""
    return (
        scores.filter(pl.col("state") == "finished")
        .sort("points", "task_id", "score_id", nulls_last=True)
        .head(MOST_ROWS)
        .select(
            "task_id",
            pl.col("score_id").str.head(SHORT).alias("score"),
            pl.col("trainee_id").str.head(SHORT).alias("trainee"),
            "verdict",
            "points",
            pl.col("found").str.head(MOST_LETTERS),
        )
    )


def similarity_picture(place: Workplace, hours: Hours) -> bytes | None:
    """Draw the similarity matrix of the worst finished score of windows as a small PNG; None where there is none."""
    with place.transaction() as connection:
        scores = [score for score in Scores(connection).of_windows(hours) if score.state is ScoreState.FINISHED]
    for score in sorted(scores, key=_badness):
        picture = _drawn(place, score)
        if picture is not None:
            return picture
    return None


def _badness(score: Score) -> tuple[float, str]:
    return (101.0 if score.points is None else score.points, str(score.score_id))


def _drawn(place: Workplace, score: Score) -> bytes | None:
    from PIL import Image

    from ovpo.sop.explain.matrix import Similarity, averaged
    from ovpo.sop.explain.matrix_picture import matrix_png

    if score.result_key is None:
        return None
    similarity = load_matrix(place.objects, score.result_key)
    if similarity is None:
        return None
    try:
        result = load_result(place.objects, score.result_key)
    except (ObjectNotFoundError, msgspec.DecodeError):
        return None
    coarse = averaged(similarity.values, LINES, LINES)
    gold, trainee = (
        seconds / lines
        for seconds, lines in zip((similarity.gold_seconds, similarity.trainee_seconds), coarse.shape, strict=True)
    )
    return _small(Image.open(BytesIO(matrix_png(Similarity(coarse, gold, trainee), result))).convert("RGB"))


def _small(image: "Image") -> bytes | None:
    """Write a picture as large as its bytes allow."""
    for width in WIDTHS:
        shrunk = image.copy()
        shrunk.thumbnail((width, width))
        content = BytesIO()
        shrunk.quantize(COLOURS).save(content, "PNG", optimize=True)
        if content.tell() < MOST_BYTES:
            return content.getvalue()
    return None
