# SPDX-License-Identifier: Apache-2.0
"""Made-up traces and their spans, column by column: what senders would have told of them. Pure.

What settling finds out about a trace is not here: the processor's own code counts it once the rows are stored.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench.query import shape
from bench.query.records import record_rows
from bench.query.shape import MODELS, STAGES, Scale
from bench.query.texts import Moments, chosen, digests, instants, json_object, quoted, uuids

SECOND: Final = 1_000_000
_HOURS: Final = np.array([3, 2, 2, 1, 1, 2, 3, 5, 8, 11, 13, 13, 11, 12, 13, 13, 12, 11, 9, 8, 7, 6, 5, 4], dtype=float)
_STREAM_TRACES, _STREAM_SPANS = 1, 2


@dataclass(frozen=True, slots=True)
class Traces:
    """Traces in the order of their creation, what is needed to make their frame events, and their spans."""

    rows: pl.DataFrame
    spans: pl.DataFrame
    clickhouse_order: NDArray[np.int64]
    model: NDArray[np.int64]
    seen: Moments
    sampled_from: Moments
    sampled_for: Moments
    """Nothing where the trace did not come so far."""
    sampling_span: pl.Series


def make(scale: Scale) -> Traces:
    """Make every trace and span of the scale."""
    numbers = scale.numbers(_STREAM_TRACES)
    count = scale.traces
    status = chosen(numbers, count, shape.STATUSES)
    created = _created(numbers, scale, status.is_in(shape.UNFINISHED).to_numpy())
    order = np.argsort(created)
    status, created = status.gather(order), created[order]
    model = numbers.choice(len(MODELS), count, p=[one.share for one in MODELS])
    tenant_shares = dict.fromkeys(shape.SMALL, (1 - shape.LARGE_SHARE) / len(shape.SMALL))
    tenant = chosen(numbers, count, {shape.LARGE: shape.LARGE_SHARE} | tenant_shares)
    trace_id, halves = uuids(numbers, count)
    stages = _stages(numbers, scale, status)
    base = pl.DataFrame({"tenant_id": tenant, "trace_id": trace_id, "status": status})
    spans, begins, lasts = _spans(scale, base, created, model, stages)
    ends = begins[np.arange(count), stages - 1] + lasts[np.arange(count), stages - 1]
    seen = created + numbers.integers(50_000, 3 * SECOND, count)
    sampled = stages > shape.SAMPLING
    return Traces(
        rows=record_rows(numbers, scale, base, model, created, seen, begins[:, 1], ends),
        spans=spans,
        clickhouse_order=np.lexsort((halves, tenant.to_numpy())),
        model=model,
        seen=seen,
        sampled_from=begins[:, shape.SAMPLING],
        sampled_for=np.where(sampled, lasts[:, shape.SAMPLING], 0),
        sampling_span=_sampling_spans(spans, sampled, stages),
    )


def _created(numbers: np.random.Generator, scale: Scale, unfinished: NDArray[np.bool_]) -> Moments:
    """Spread creation over the days, more and more a day, by hours as people work; what is unfinished is of today."""
    days = shape.DAYS.days
    by_day = np.linspace(1, shape.GROWTH, days)
    day = numbers.choice(days, scale.traces, p=by_day / by_day.sum())
    hour = numbers.choice(24, scale.traces, p=_HOURS / _HOURS.sum())
    within = numbers.integers(0, 3600 * SECOND, scale.traces)
    end = round(scale.end.timestamp()) * SECOND
    moments = end - (days - day) * 86_400 * SECOND + hour * 3600 * SECOND + within
    recent = end - numbers.integers(0, shape.UNFINISHED_WITHIN // timedelta(microseconds=1), scale.traces)
    ordered = np.where(unfinished, recent, moments)
    return np.asarray(ordered - ordered % 1000, dtype=np.int64)


def _stages(numbers: np.random.Generator, scale: Scale, status: pl.Series) -> NDArray[np.int64]:
    """Say how far each trace came, so that the spans add up: those that finished fill up what others lack."""
    early = numbers.integers(3, len(STAGES) - 1, scale.traces)
    came = np.select(
        [status.is_in(["COMPLETED", "PARTIAL"]).to_numpy(), (status == "PENDING").to_numpy()],
        [np.full(scale.traces, shape.SPANS), np.ones(scale.traces, dtype=np.int64)],
        early,
    )
    finished = np.flatnonzero((status == "COMPLETED").to_numpy())
    more = numbers.permutation(finished)[: scale.spans - int(came.sum())]
    came[more] += 1
    return came.astype(np.int64)


def _spans(
    scale: Scale, base: pl.DataFrame, created: Moments, model: NDArray[np.int64], stages: NDArray[np.int64]
) -> tuple[pl.DataFrame, Moments, Moments]:
    """Make the spans; give with them when each stage of each trace begins and how long it lasts."""
    numbers = scale.numbers(_STREAM_SPANS)
    medians = np.array([one.seconds for one in STAGES])
    sigmas = np.array([one.sigma for one in STAGES])
    slowness = np.array([one.slowness for one in MODELS])[model]
    seconds = np.exp(numbers.normal(0, 1, (scale.traces, len(STAGES))) * sigmas) * medians * slowness[:, None]
    lasts = np.maximum(seconds * SECOND, 1000).astype(np.int64)
    gaps = numbers.integers(500, 20_000, lasts.shape)
    begins = created[:, None] + np.cumsum(lasts + gaps, axis=1) - lasts
    trace = np.repeat(np.arange(scale.traces), stages)
    stage = np.arange(len(trace)) - np.repeat(np.cumsum(stages) - stages, stages)
    unfinished = base["status"].is_in(shape.UNFINISHED).to_numpy()[trace]
    last = stage == stages[trace] - 1
    failed = last & base["status"].is_in(["FAILED", "TIMEOUT"]).to_numpy()[trace]
    span_id, _ = uuids(numbers, len(trace))
    begin, last_for = begins[trace, stage], lasts[trace, stage]
    columns = pl.DataFrame(
        {
            "tenant_id": base["tenant_id"].gather(trace),
            "trace_id": base["trace_id"].gather(trace),
            "span_id": span_id,
            "parent_span_id": pl.Series([None] * len(trace), dtype=pl.String),
            "span_kind": _kinds(model[trace], stage),
            "name": pl.Series([one.name for one in STAGES]).gather(stage),
            "status": np.where(failed, "ERROR", "OK"),
            "start_time": instants(begin),
            "end_time": instants(begin + last_for),
            "duration_ms": last_for / 1000,
            "attributes": _attributes(numbers, model[trace], stage),
            "digest": "\\x" + digests(numbers, len(trace), 16),
            "received_at": instants(begin + last_for + numbers.integers(100_000, 2 * SECOND, len(trace))),
        }
    )
    still = pl.Series(unfinished & last)
    rows = columns.with_columns(
        end_time=pl.when(still).then(None).otherwise(pl.col("end_time")),
        duration_ms=pl.when(still).then(None).otherwise(pl.col("duration_ms")),
        status=pl.when(still).then(pl.lit("ERROR")).otherwise(pl.col("status")),
    )
    return rows, begins, lasts


def _kinds(model: NDArray[np.int64], stage: NDArray[np.int64]) -> pl.Series:
    usual = np.array([f"SPAN_KIND_{one.kind}" for one in STAGES])
    without = np.where(usual == "SPAN_KIND_GUARD", "SPAN_KIND_POSTPROCESS", usual)
    without[2] = "SPAN_KIND_LOAD"
    by_model = np.array([without if one.name in shape.WITHOUT_GUARD else usual for one in MODELS])
    return pl.Series(by_model[model, stage])


def _attributes(numbers: np.random.Generator, model: NDArray[np.int64], stage: NDArray[np.int64]) -> pl.Series:
    given = pl.DataFrame(
        {
            "hardware": pl.Series([one.hardware for one in MODELS]).gather(model),
            "model": pl.Series([one.name for one in MODELS]).gather(model),
            "worker": numbers.integers(0, 64, len(model)),
            "stage": stage,
        }
    )
    return given.select(
        json_object(
            **{
                "gpu.model": quoted(pl.col("hardware")),
                "model.name": quoted(pl.col("model")),
                "custom.worker": pl.col("worker"),
                "ovpo.steps": pl.when(pl.col("stage") == shape.SAMPLING).then(30),
            }
        )
    ).to_series()


def _sampling_spans(spans: pl.DataFrame, sampled: NDArray[np.bool_], stages: NDArray[np.int64]) -> pl.Series:
    firsts = np.cumsum(stages) - stages
    return spans["span_id"].gather(firsts + np.where(sampled, shape.SAMPLING, 0))
