# SPDX-License-Identifier: Apache-2.0
"""What must hold of each score, and gives the rows where it does not. Pure; the tables are in `table`."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

import polars as pl

from ovpo.sop.result import Interval, Result

NEARLY: Final = 0.005
"""Points and losses are rounded to the hundredth."""
BEYOND: Final = 1.0
"""Seconds by which a time may be past the end of its video: the last row of an embedding may end after it."""


def points_faults(scores: pl.DataFrame) -> pl.DataFrame:
    """Find points outside 0 to 100, or other than a hundred less the losses, or missing where there is a verdict."""
    finished = scores.filter(pl.col("state") == "finished")
    unjudged = pl.col("verdict") == "cannot_judge"
    left = (100 - pl.col("losses")).clip(lower_bound=0)
    wrong = (
        pl.col("points").is_null() | ~pl.col("points").is_between(0, 100) | ((pl.col("points") - left).abs() > NEARLY)
    )
    return finished.filter(
        pl.when(unjudged).then(pl.col("points").is_not_null()).otherwise(wrong.fill_null(value=True))
    ).select("window", "tenant_id", "task_id", "score_id", "points", "losses")


def confidence_faults(scores: pl.DataFrame) -> pl.DataFrame:
    """Find confidences outside 0 to 1."""
    return scores.filter(
        ~pl.col("lowest_confidence").is_between(0, 1) | ~pl.col("highest_confidence").is_between(0, 1)
    ).select("window", "tenant_id", "task_id", "score_id", "lowest_confidence", "highest_confidence")


def time_faults(scores: pl.DataFrame) -> pl.DataFrame:
    """Find scores with times that run backwards or lie outside of their video."""
    return scores.filter(pl.col("odd_times") > 0).select("window", "tenant_id", "task_id", "score_id", "odd_times")


def object_faults(scores: pl.DataFrame) -> pl.DataFrame:
    """Find scores whose files are not all there, or that have files which no row points to."""
    return scores.filter((pl.col("lacking") > 0) | (pl.col("stray") > 0)).select(
        "window", "tenant_id", "task_id", "score_id", "lacking", "stray"
    )


def report_faults(reports: pl.DataFrame) -> pl.DataFrame:
    """Find reports that are empty, or have not a picture for each deviation."""
    return reports.filter((pl.col("bytes") == 0) | (pl.col("pictures") != pl.col("deviations"))).select(
        "window", "tenant_id", "task_id", "score_id", "bytes", "pictures", "deviations"
    )


def odd_times(result: Result) -> int:
    """Count the times of a result that run backwards or lie outside of their video."""
    golds = [step.gold for step in result.steps] + [one.gold for one in result.deviations if one.gold]
    trainees = [step.trainee for step in result.steps if step.trainee]
    trainees += [again for step in result.steps for again in step.repeats]
    trainees += [one.trainee for one in result.deviations if one.trainee]
    starts = [step.gold.start for step in result.steps]
    unordered = sum(after < before for before, after in pairwise(starts))
    return unordered + _odd(golds, result.gold.seconds) + _odd(trainees, result.trainee.seconds)


def _odd(times: Iterable[Interval], seconds: float) -> int:
    return sum(not 0 <= at.start <= at.end <= seconds + BEYOND for at in times)
