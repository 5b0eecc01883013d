# SPDX-License-Identifier: Apache-2.0
"""Made-up frame events of made-up traces, some thousand traces at a time in ClickHouse's own order. Pure.

One trace in a hundred breaks a frame invariant, each of the three as often as the others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench.query import shape
from bench.query.shape import MODELS, Scale
from bench.query.texts import Moments, instants, uuids
from bench.query.traces import SECOND, Traces

ROWS_OF_A_BLOCK: Final = 200_000
FRAMES_PER_SECOND: Final = 24
SAMPLED_EVERY: Final = 25
ERRORS: Final = 0.003
LEAST_TO_BREAK: Final = 8
_STREAM_COUNTS, _STREAM_FRAMES = 3, 4
_SAMPLED_ALSO_SAY: Final = 0.5
_WITH_ARTIFACT: Final = 0.01


@dataclass(frozen=True, slots=True)
class Counts:
    """How many frame events each trace has, and which invariant it breaks: 0 for none, 1 to 3."""

    frames: NDArray[np.int64]
    broken: NDArray[np.int64]


def counts(scale: Scale, traces: Traces) -> Counts:
    """Share the frame events out: one trace has very many, a few have 300, the others some ten each."""
    numbers = scale.numbers(_STREAM_COUNTS)
    sampled = traces.sampled_for > 0
    complete = sampled & (traces.rows["reported_status"] == "COMPLETED").fill_null(value=False).to_numpy()
    of_large = np.flatnonzero(complete & (traces.rows["tenant_id"] == shape.LARGE).to_numpy())
    longest = numbers.choice(of_large)
    others = numbers.permutation(np.setdiff1d(np.flatnonzero(complete), [longest]))
    long_videos = others[: scale.long_videos]
    frames = np.zeros(scale.traces, dtype=np.int64)
    weights = np.where(sampled, numbers.gamma(3.0, 1.0, scale.traces), 0.0)
    weights[long_videos] = weights[longest] = 0.0
    rest = scale.frames - scale.longest - scale.long_videos * shape.LONG_VIDEO
    frames += numbers.multinomial(rest, weights / weights.sum())
    frames[long_videos], frames[longest] = shape.LONG_VIDEO, scale.longest
    may_break = np.flatnonzero((frames >= LEAST_TO_BREAK) & (frames < shape.LONG_VIDEO))
    chosen = numbers.choice(may_break, round(scale.traces * shape.FINDINGS), replace=False)
    broken = np.zeros(scale.traces, dtype=np.int64)
    broken[chosen] = 1 + np.arange(len(chosen)) % 3
    return Counts(frames, broken)


def blocks(scale: Scale, traces: Traces, given: Counts) -> Iterator[pl.DataFrame]:
    """Give the frame events of all traces, as blocks of whole traces."""
    ordered = traces.clickhouse_order[given.frames[traces.clickhouse_order] > 0]
    edges = np.cumsum(given.frames[ordered]) // ROWS_OF_A_BLOCK
    for number, part in enumerate(np.split(ordered, np.flatnonzero(np.diff(edges)) + 1)):
        yield _block(scale.numbers(_STREAM_FRAMES, number), traces, given, part)


def _block(numbers: np.random.Generator, traces: Traces, given: Counts, part: NDArray[np.int64]) -> pl.DataFrame:
    sizes = given.frames[part]
    trace = np.repeat(part, sizes)
    place = np.arange(len(trace)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kind = np.where(place % SAMPLED_EVERY == SAMPLED_EVERY - 1, "frame_sampled", "frame_generated")
    kind = np.where(numbers.random(len(trace)) < ERRORS, "frame_error", kind)
    index, media = place.copy(), place * 1000 / FRAMES_PER_SECOND
    share = place / given.frames[trace]
    observed = traces.sampled_from[trace] + (traces.sampled_for[trace] * share).astype(np.int64)
    rule, middle = given.broken[trace], place == LEAST_TO_BREAK // 2
    kind = np.where((rule > 0) & (place <= LEAST_TO_BREAK // 2), "frame_generated", kind)
    index[(rule == 1) & middle] -= 1
    media[(rule == 2) & middle] -= 200
    observed[(rule == 3) & middle] -= 3600 * SECOND
    event_id, _ = uuids(numbers, len(trace))
    ids = traces.rows.select("tenant_id", "trace_id", pl.col("seen_at").dt.truncate("1s"))[trace]
    return ids.with_columns(
        received_at=instants(_received(observed, rule, middle)),
        event_id=event_id,
        span_id=traces.sampling_span.gather(trace),
        event_type=kind,
        observed_at=instants(observed),
        frame_index=index.astype(np.uint64),
        media_time_ms=np.maximum(media, 0.0).round(3),
        **_measured(numbers, traces.model[trace], share, kind),
    )


def _received(observed: Moments, rule: NDArray[np.int64], middle: NDArray[np.bool_]) -> Moments:
    return np.asarray(observed + SECOND + np.where((rule == 3) & middle, 3600 * SECOND, 0), dtype=np.int64)


def _measured(
    numbers: np.random.Generator, model: NDArray[np.int64], share: NDArray[np.float64], kind: NDArray[np.str_]
) -> dict[str, pl.Series]:
    """Measure the frames: memory that fills as a video grows, quality that falls a little towards its end."""
    count, seen = len(model), kind != "frame_error"
    level = numbers.random(count)
    vram = np.array([one.vram_mb for one in MODELS])[model] * (0.9 + 0.1 * share) + numbers.normal(0, 120, count)
    by_model = np.linspace(0.9, 0.7, len(MODELS))[model]
    sampled = (kind == "frame_sampled") & (numbers.random(count) < _SAMPLED_ALSO_SAY)
    quality = {
        "motion_score": (np.abs(numbers.normal(4, 1.5, count)), seen),
        "temporal_consistency": (np.clip(by_model - 0.1 * share + 0.05 * level, 0, 1), seen),
        "brightness_avg": (np.clip(numbers.normal(118, 30, count), 0, 255), seen),
        "clip_text_similarity": (np.clip(numbers.normal(0.29, 0.03, count), -1, 1), seen),
        "aesthetic_score": (np.clip(by_model * 7 + numbers.normal(0, 0.6, count), 0, 10), sampled),
        "artifact_score": (np.clip(numbers.beta(2, 30, count) + 0.1 * share, 0, 1), sampled),
    }
    refs = np.where(
        numbers.random(count) < _WITH_ARTIFACT, '[{"kind":"latent_preview","uri":"s3://bench/previews/p.webp"}]', ""
    )
    return {
        "latent_mean": pl.Series(numbers.normal(0, 0.2, count).round(5)),
        "latent_std_dev": pl.Series((0.8 + 0.4 * level).round(5)),
        "vram_used_mb": pl.Series(vram.round(1)),
        "gpu_utilization_pct": pl.Series(np.clip(numbers.normal(94, 4, count), 0, 100).round(1)),
        "temperature_c": pl.Series((60 + 15 * share + 3 * level).round(1)),
        **{name: _where(values.round(4), given) for name, (values, given) in quality.items()},
        "artifact_refs": pl.Series(refs),
    }


def _where(values: NDArray[np.float64], given: NDArray[np.bool_]) -> pl.Series:
    return pl.Series(values).set(pl.Series(~given), None)
