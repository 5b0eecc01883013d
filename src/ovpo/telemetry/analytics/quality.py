# SPDX-License-Identifier: Apache-2.0
"""Quality over time: the mean of a metric by hour or day, and where its level changes, from hourly sums in ClickHouse.

A bucket weighs as many traces as it has, not as many frames: the frames of one trace resemble each other.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Final

from clickhouse_connect.driver.client import Client

from ovpo.telemetry.analytics.changes import changes
from ovpo.telemetry.analytics.questions import Bucket, QualityQuestion, Window, chosen

# Every row of a trace lies in the partition of its first sight, so the newest of an hour is found within one.
QUALITY: Final = """
SELECT toDateTime(if({by_hour:Bool}, hour, toStartOfDay(hour, 'UTC')), 'UTC') AS starts, grouping(starts) = 1 AS whole,
       uniqExact(trace_id), sum(of_metric) AS counted, sum(metric_sums[{metric:String}]) / counted
FROM (
    SELECT *, metric_counts[{metric:String}] AS of_metric FROM frame_hours FINAL
    WHERE tenant_id = {tenant:String}
      AND hour >= {start:DateTime64(6, 'UTC')} AND hour < {end:DateTime64(6, 'UTC')}
      AND (empty({models:Array(String)}) OR has({models:Array(String)}, model))
) WHERE of_metric > 0
GROUP BY GROUPING SETS ((starts), ()) ORDER BY whole DESC, starts
SETTINGS do_not_merge_across_partitions_select_final = 1
"""


@dataclass(frozen=True, slots=True)
class Level:
    """The mean of a metric in one bucket, over so many values of so many traces."""

    start: datetime
    traces: int
    values: int
    mean: float | None
    """None where the values are too large to be added up."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A moment from which on the mean of a metric is another."""

    at: datetime
    before: float
    after: float
    difference: float


@dataclass(frozen=True, slots=True)
class Trend:
    """A metric over a window."""

    traces: int
    values: int
    mean: float | None
    buckets: tuple[Level, ...]
    shifts: tuple[Shift, ...]


def trend(client: Client, tenant_id: str, asked: QualityQuestion, window: Window) -> Trend:
    """Give the means of a metric by bucket; a bucket without a value is left out."""
    given = {
        "tenant": tenant_id,
        "metric": asked.metric.value,
        **window.given,
        **chosen(model=asked.model),
        "by_hour": asked.bucket is Bucket.HOUR,
    }
    rows = client.query(QUALITY, given).result_rows
    whole, *buckets = [_level(row) for row in rows] or [Level(window.start, 0, 0, None)]
    known = [(bucket, bucket.mean) for bucket in buckets if bucket.mean is not None]
    found = changes([mean for _, mean in known], [float(bucket.traces) for bucket, _ in known])
    shifts = [Shift(known[one.index][0].start, one.before, one.after, one.difference) for one in found]
    return Trend(whole.traces, whole.values, whole.mean, tuple(buckets), tuple(shifts))


def _level(row: Any) -> Level:
    start, _, traces, values, mean = row
    return Level(start.replace(tzinfo=UTC), traces, values, mean if isfinite(mean) else None)
