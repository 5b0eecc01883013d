# SPDX-License-Identifier: Apache-2.0
"""How complete a trace is, 0 to 100, and the parts that this is made of. Pure; what is counted is read elsewhere.

    record   100 where the trace's own record came, 0 for an orphan
    spans    spans that came ÷ (those + spans that frame events name and that never came); 0 where none came
    frames   distinct frames that came ÷ (those + missing); missing is the larger of the gaps below the last frame and
             the events that senders say they dropped (`otel.dropped_events_count`): a dropped event leaves a gap
    order    frame events that keep the frame invariants ÷ all

`completeness` is the mean of the parts, weighted 25, 25, 40 and 10, over those that apply: a trace of which no frame
event came, and of which none is said to be dropped, has no `frames` and no `order`. Frames count from 0. Where all
events are `frame_sampled` the gaps are meant and none is missing. What came after the last frame cannot be known from
telemetry, and the length of the output says nothing about it: interpolation, loops and cuts change it.
"""

from typing import Final

import polars as pl

WEIGHTS: Final = {"record": 25, "spans": 25, "frames": 40, "order": 10}
PARTS: Final = tuple(f"{part}_part" for part in WEIGHTS)


def with_completeness(traces: pl.DataFrame) -> pl.DataFrame:
    """Add `expected_frames`, `gaps`, a column for each part and `completeness` to traces, one a row."""
    span_count, frame_count, event_count = (pl.col(name) for name in ("spans", "frames", "frame_events"))
    counted = traces.with_columns(
        pl.when(pl.col("only_sampled") | pl.col("last_frame").is_null())
        .then(0)
        .otherwise(pl.col("last_frame") + 1 - frame_count)
        .alias("gaps")
    ).with_columns((frame_count + pl.max_horizontal("gaps", "dropped_events")).alias("expected_frames"))
    in_order = event_count - pl.min_horizontal("findings", "frame_events")
    parts = counted.with_columns(
        pl.when("orphan").then(0.0).otherwise(100.0).alias("record_part"),
        _share(span_count, span_count + pl.col("unknown_spans")).fill_null(0.0).alias("spans_part"),
        _share(frame_count, pl.col("expected_frames")).alias("frames_part"),
        _share(in_order, event_count).alias("order_part"),
    )
    weighted = [pl.col(part) * weight for part, weight in zip(PARTS, WEIGHTS.values(), strict=True)]
    applying = [
        pl.when(pl.col(part).is_not_null()).then(weight) for part, weight in zip(PARTS, WEIGHTS.values(), strict=True)
    ]
    return parts.with_columns((pl.sum_horizontal(weighted) / pl.sum_horizontal(applying)).alias("completeness"))


def _share(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """Give a percentage, and none where there is nothing to be a part of."""
    return pl.when(whole > 0).then(100.0 * part / whole)
