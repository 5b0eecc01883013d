# SPDX-License-Identifier: Apache-2.0
"""What can be alerted on: each metric, what it is counted from, what narrows it, and the questions to the stores.

Every question is about all tenants at once. A trace counts in the window in which it was last settled, which is when
its newest items came: by the clocks of our own services, whatever its sender's clock says.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from msgspec import Struct

MOST_GROUPS: Final = 200
"""A sender names its models and projects; beyond this many of a tenant, the smallest are left out and counted."""

OUTCOMES: Final = """
SELECT tenant_id, of_group, toInt64(countIf(seen_at >= {since:DateTime('UTC')})),
       toInt64(countIf(fresh AND finished)),
       toInt64(countIf(fresh AND failed)),
       toInt64(countIf(fresh AND failed AND ({kind:String} = '' OR coalesce(failure_kind, '') = {kind:String}
                                             OR ({kind:String} = 'timeout' AND status = 'TIMEOUT')))),
       toInt64(countIf(fresh AND status IN ('COMPLETED', 'PARTIAL'))),
       toInt64(countIf(fresh AND finished AND total_ms IS NOT NULL)),
       quantileExactIfOrNull(0.95)(assumeNotNull(total_ms), fresh AND finished AND total_ms IS NOT NULL),
       sumIf(compute_units, fresh), toInt64(sumIf(findings, fresh))
FROM (
    SELECT tenant_id, seen_at, ifNull(status, '') AS status, failure_kind, total_ms, compute_units, findings,
           multiIf({by:String} = 'model', toString(model), {by:String} = 'project', toString(project), '') AS of_group,
           settled_at >= {since:DateTime('UTC')} AS fresh, status IN ('FAILED', 'TIMEOUT') AS failed,
           status NOT IN ('', 'PENDING', 'GENERATING') AS finished
    FROM (
        SELECT * FROM trace_facts WHERE seen_at >= {known_since:DateTime('UTC')}
        ORDER BY settled_at DESC LIMIT 1 BY tenant_id, trace_id
    )
    WHERE ({model:String} = '' OR model = {model:String}) AND ({project:String} = '' OR project = {project:String})
)
GROUP BY tenant_id, of_group ORDER BY tenant_id, count() DESC, of_group LIMIT {most:UInt32} BY tenant_id
"""

QUALITY: Final = """
SELECT tenant_id, of_group, toInt64(sum(metric_counts[{metric:String}])),
       sum(metric_sums[{metric:String}]) / nullIf(sum(metric_counts[{metric:String}]), 0)
FROM (
    SELECT h.tenant_id AS tenant_id, h.metric_counts AS metric_counts, h.metric_sums AS metric_sums,
           multiIf({by:String} = 'model', toString(h.model), {by:String} = 'project', toString(f.project), '')
               AS of_group
    FROM (
        SELECT * FROM frame_hours WHERE seen_at >= {known_since:DateTime('UTC')}
        ORDER BY settled_at DESC LIMIT 1 BY tenant_id, trace_id, hour
    ) AS h
    LEFT JOIN (
        SELECT tenant_id, trace_id, project FROM trace_facts WHERE seen_at >= {known_since:DateTime('UTC')}
        ORDER BY settled_at DESC LIMIT 1 BY tenant_id, trace_id
    ) AS f ON f.tenant_id = h.tenant_id AND f.trace_id = h.trace_id
    WHERE h.settled_at >= {since:DateTime('UTC')}
      AND ({model:String} = '' OR h.model = {model:String}) AND ({project:String} = '' OR f.project = {project:String})
)
GROUP BY tenant_id, of_group ORDER BY tenant_id, count() DESC, of_group LIMIT {most:UInt32} BY tenant_id
"""

ORPHANS: Final = """
SELECT tenant_id, count(*) FROM traces
WHERE seen_at >= %(since)s AND seen_at < %(now)s - interval '1 hour' AND reported_status IS NULL
GROUP BY tenant_id
"""
UNSETTLED: Final = "SELECT tenant_id, count(*) FROM unsettled_traces WHERE due_at < %(now)s GROUP BY tenant_id"
REFUSED: Final = "SELECT tenant_id, count(*) FROM refused_items WHERE received_at >= %(since)s GROUP BY tenant_id"


class Source(StrEnum):
    """Where a metric comes from."""

    OUTCOMES = "outcomes"
    QUALITY = "quality"
    ORPHANS = "orphans"
    UNSETTLED = "unsettled"
    REFUSED = "refused"


class Outcomes(Struct, frozen=True):
    """What the traces of a group add up to; of all but `traces` only those that were settled in the window."""

    traces: int
    finished: int
    failed: int
    failed_so: int
    succeeded: int
    timed: int
    p95_ms: float | None
    compute_units: float
    findings: int


class Metric(Struct, frozen=True):
    """A metric. One that counts is zero where nothing came, any other is not known then."""

    source: Source
    says: str
    counts: bool
    takes: frozenset[str]
    of: Callable[[Outcomes, float], tuple[float | None, int]] | None = None
    """What it is of outcomes over a number of hours: the value, and from how many samples it was made."""


_GROUPED: Final = frozenset({"model", "project", "group_by"})
_SAMPLED: Final = _GROUPED | {"min_samples"}
QUALITY_PREFIX: Final = "quality."
_QUALITIES: Final = (
    "motion_score", "temporal_consistency", "contrast_ratio", "brightness_avg", "edge_density", "noise_estimate",
    "clip_text_similarity", "clip_image_similarity", "aesthetic_score", "artifact_score", "nsfw_score",
)  # fmt: skip


def _counted(says: str, of: Callable[[Outcomes, float], float], *, also: str = "") -> Metric:
    takes = _GROUPED | ({also} if also else frozenset())
    return Metric(
        Source.OUTCOMES, says, counts=True, takes=takes, of=lambda seen, hours: (of(seen, hours), seen.traces)
    )


def _of_metadata(source: Source, says: str) -> Metric:
    return Metric(source, says, counts=True, takes=frozenset())


METRICS: Final[dict[str, Metric]] = {
    "failure_rate": Metric(
        Source.OUTCOMES,
        "share of finished traces that failed or timed out, 0 to 1",
        counts=False,
        takes=_SAMPLED,
        of=lambda seen, _: (seen.failed / seen.finished if seen.finished else None, seen.finished),
    ),
    "failures": _counted(
        "traces that failed or timed out, of one failure_kind or of all",
        lambda seen, _: seen.failed_so,
        also="failure_kind",
    ),
    "p95_duration_ms": Metric(
        Source.OUTCOMES,
        "95th percentile of how long finished traces took, in milliseconds",
        counts=False,
        takes=_SAMPLED,
        of=lambda seen, _: (seen.p95_ms, seen.timed),
    ),
    "traces": _counted("traces that were first heard of", lambda seen, _: seen.traces),
    "throughput": _counted("traces that ended well, per hour", lambda seen, hours: seen.succeeded / hours),
    "compute_units": _counted("compute units of the traces that changed", lambda seen, _: seen.compute_units),
    "findings": _counted("broken frame invariants of the traces that changed", lambda seen, _: seen.findings),
    **{
        f"{QUALITY_PREFIX}{name}": Metric(
            Source.QUALITY, f"mean of {name} over the frames of the traces that changed", counts=False, takes=_SAMPLED
        )
        for name in _QUALITIES
    },
    "orphans": _of_metadata(Source.ORPHANS, "traces without a record of their own an hour after they were heard of"),
    "unsettled": _of_metadata(Source.UNSETTLED, "traces that wait to be settled beyond their time, whenever they came"),
    "refused": _of_metadata(Source.REFUSED, "items that were refused after they had been accepted"),
}
"""Every metric by its name."""
NARROWING: Final = ("model", "project", "group_by", "failure_kind", "min_samples")
"""The fields of a rule that only some metrics take."""
