# SPDX-License-Identifier: Apache-2.0
"""Bottlenecks and throughput: what the newest facts of a tenant's traces add up to, asked of ClickHouse.

A trace has a row of facts for each settling, all of them in the partition of its first sight, and FINAL reads the
newest: with 100 000 traces in 6 parts that took 45 ms, `LIMIT 1 BY` 70 ms, the newest by a sub-select 65 ms.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from clickhouse_connect.driver.client import Client

from ovpo.telemetry.analytics.questions import (
    BottlenecksQuestion,
    Bucket,
    GroupBy,
    ThroughputQuestion,
    Window,
    chosen,
)

MOST_ROWS: Final = 800

# A trace belongs to the moment at which its sender says it was created, an orphan to the one at which it was first
# heard of. Months before the window are not read: a sender's clock may be a week ahead.
_CHOSEN: Final = """
WITH chosen AS (
    SELECT *, coalesce(created_at, toDateTime64(seen_at, 6, 'UTC')) AS told_at FROM trace_facts FINAL
    WHERE tenant_id = {tenant:String}
      AND seen_at >= {start:DateTime64(6, 'UTC')} - INTERVAL 7 DAY
      AND told_at >= {start:DateTime64(6, 'UTC')} AND told_at < {end:DateTime64(6, 'UTC')}
      AND (empty({models:Array(String)}) OR has({models:Array(String)}, model))
      AND (empty({projects:Array(String)}) OR has({projects:Array(String)}, project))
      AND (empty({statuses:Array(String)}) OR has({statuses:Array(String)}, ifNull(status, '')))
      AND arrayAll((name, value) -> mapContains(tags, name) AND tags[name] = value,
                   {tag_keys:Array(String)}, {tag_values:Array(String)})
)
"""
# Each trace is counted at the first of its kinds, one without any at none, so that one pass gives the sums of all rows.
_BY_KIND: Final = """
SELECT kind, if({by_model:Bool}, toString(model), '') AS of_model, sum(of_kind), sum(failed), sum(took) AS milliseconds,
       quantilesExactInclusiveArray(0.5, 0.95, 0.99)(
           if(length(lasted) = of_kind, lasted, arrayFlatten(
               arrayMap(one -> arrayResize([one], toUInt32(round(of_kind / length(lasted))), one), lasted)))),
       max(arrayMax(lasted)), count(),
       sum(milliseconds) OVER (), sum(countIf(place <= 1)) OVER (), sum(countIf(place = 0)) OVER ()
FROM chosen
LEFT ARRAY JOIN kinds.kind AS kind, kinds.spans AS of_kind, kinds.errors AS failed, kinds.ms AS took,
                kinds.durations AS lasted, arrayEnumerate(kinds.kind) AS place
GROUP BY kind, of_model ORDER BY kind = '', milliseconds DESC, kind, of_model LIMIT {most:UInt32}
SETTINGS do_not_merge_across_partitions_select_final = 1
"""
_BY_BUCKET: Final = """
SELECT if({by_hour:Bool}, toStartOfHour(told_at, 'UTC'), toDateTime(toStartOfDay(told_at, 'UTC'), 'UTC')) AS starts,
       grouping(starts) = 1 AS whole, count(),
       sumMapIf(map(assumeNotNull(status), 1), status IS NOT NULL), countIf(status IS NULL),
       sumMapIf(map(assumeNotNull(failure_kind), 1), failure_kind IS NOT NULL),
       sum(chosen.spans), sum(chosen.frames), sum(chosen.frame_events), sum(chosen.compute_units),
       quantileExactInclusiveOrNull(0.5)(total_ms), quantileExactInclusiveOrNull(0.95)(total_ms)
FROM chosen GROUP BY GROUPING SETS ((starts), ()) ORDER BY whole DESC, starts
SETTINGS do_not_merge_across_partitions_select_final = 1
"""
BOTTLENECKS: Final = _CHOSEN + _BY_KIND
THROUGHPUT: Final = _CHOSEN + _BY_BUCKET


@dataclass(frozen=True, slots=True)
class KindOfSpan:
    """What the spans of one kind took, of one model where the models stand apart."""

    kind: str
    model: str | None
    traces: int
    spans: int
    errors: int
    total_ms: float
    share: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float

    @property
    def mean_ms(self) -> float:
        """How long one took on average."""
        return self.total_ms / self.spans


@dataclass(frozen=True, slots=True)
class Bottlenecks:
    """The kinds of spans by what they took in all, the most first."""

    traces: int
    traces_without_spans: int
    kinds: tuple[KindOfSpan, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Flow:
    """The traces of one bucket, or of a whole window."""

    start: datetime
    traces: int
    by_status: Mapping[str, int]
    orphans: int
    by_failure: Mapping[str, int]
    spans: int
    frames: int
    frame_events: int
    compute_units: float
    p50_ms: float | None
    p95_ms: float | None


def bottlenecks(client: Client, tenant_id: str, asked: BottlenecksQuestion, window: Window) -> Bottlenecks:
    """Say what the spans of the chosen traces took, kind by kind."""
    filters = chosen(model=asked.model, project=asked.project, status=asked.status, tags=asked.tags)
    by_model = asked.group_by is GroupBy.MODEL
    given = {"tenant": tenant_id, **window.given, **filters, "by_model": by_model, "most": MOST_ROWS + 1}
    rows = client.query(BOTTLENECKS, given).result_rows
    of_kinds = [row for row in rows if row[0]]
    traces, without_spans = rows[0][-2:] if rows else (0, 0)
    return Bottlenecks(
        traces, without_spans, tuple(_kind(row, by_model) for row in of_kinds[:MOST_ROWS]), len(of_kinds) > MOST_ROWS
    )


def throughput(
    client: Client, tenant_id: str, asked: ThroughputQuestion, window: Window
) -> tuple[Flow, tuple[Flow, ...]]:
    """Count the chosen traces, of the whole window and by its buckets; a bucket without a trace is left out."""
    given = {
        "tenant": tenant_id,
        **window.given,
        **chosen(model=asked.model, project=asked.project),
        "by_hour": asked.bucket is Bucket.HOUR,
    }
    rows = client.query(THROUGHPUT, given).result_rows
    flows = [Flow(window.start if whole else start.replace(tzinfo=UTC), *rest) for start, whole, *rest in rows]
    nothing = Flow(window.start, 0, {}, 0, {}, 0, 0, 0, 0.0, None, None)
    return (flows or [nothing])[0], tuple(flows[1:])


def _kind(row: Any, by_model: bool) -> KindOfSpan:
    kind, model, spans, errors, total, (p50, p95, p99), longest, traces, all_ms, *_ = row
    share = total / all_ms if all_ms else 0.0
    return KindOfSpan(kind, model if by_model else None, traces, spans, errors, total, share, p50, p95, p99, longest)
