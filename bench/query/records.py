# SPDX-License-Identifier: Apache-2.0
"""What senders say of made-up traces themselves: configuration, prompt, costs, tags, failure, output. Pure."""

import hashlib

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench.query import shape
from bench.query.shape import MODELS, Scale
from bench.query.texts import Moments, chosen, chosen_mostly_first, digests, instants, json_object, quoted


def record_rows(
    numbers: np.random.Generator,
    scale: Scale,
    base: pl.DataFrame,
    model: NDArray[np.int64],
    created: Moments,
    seen: Moments,
    started: Moments,
    ended: Moments,
) -> pl.DataFrame:
    """Put the traces' own records together; an orphan has none."""
    count = scale.traces
    users = pl.Series([hashlib.sha256(f"user {number}".encode()).hexdigest() for number in range(shape.USERS)])
    given = base.with_columns(
        pl.Series("model", [one.name for one in MODELS]).gather(model),
        pl.Series("width", [one.width for one in MODELS]).gather(model),
        pl.Series("height", [one.height for one in MODELS]).gather(model),
        pl.Series("hardware", [one.hardware for one in MODELS]).gather(model),
        chosen(numbers, count, shape.FAILURES).alias("kind"),
        chosen_mostly_first(numbers, count, shape.PROJECTS).alias("project"),
        chosen_mostly_first(numbers, count, shape.CENTERS).alias("center"),
        chosen_mostly_first(numbers, count, shape.CAMPAIGNS).alias("campaign"),
        digests(numbers, count, 32).alias("prompt"),
        users.gather(numbers.integers(0, shape.USERS, count)).alias("user_id_hash"),
        pl.Series("seed", numbers.integers(0, 1 << 32, count)),
        pl.Series("orphan", numbers.random(count) < shape.ORPHANS),
        pl.Series("has_campaign", numbers.random(count) < 0.5),
        pl.Series("legal_hold", numbers.random(count) < shape.LEGAL_HOLDS),
        pl.Series("bytes", numbers.integers(800_000, 90_000_000, count)),
        *(
            chosen_mostly_first(numbers, count, values)
            .alias(f"tag_{name}")
            .set(pl.Series(numbers.random(count) >= share), None)
            for name, (values, share) in shape.TAGS.items()
        ),
        instants(seen).alias("seen_at"),
        instants(created).alias("created_at"),
        instants(started).alias("started_at"),
        instants(ended + 50_000).alias("completed_at"),
    )
    status, finished = pl.col("status"), ~pl.col("status").is_in(shape.UNFINISHED)
    told = [
        status.alias("reported_status"),
        pl.col("user_id_hash"),
        json_object(
            model=quoted(pl.col("model")),
            steps=pl.lit(30),
            guidance=pl.lit(7.5),
            width=pl.col("width"),
            height=pl.col("height"),
        ).alias("pipeline_config"),
        json_object(prompt_hash=quoted(pl.col("prompt")), seed=pl.col("seed")).alias("input_context"),
        pl.when(status == "COMPLETED").then(_manifest()).alias("output_manifest"),
        json_object(
            project=quoted(pl.col("project")),
            center=quoted(pl.col("center")),
            campaign=pl.when(pl.col("has_campaign")).then(quoted(pl.col("campaign"))),
        ).alias("cost_attribution"),
        pl.when(status == "FAILED").then(_failure()).alias("failure"),
        pl.when(status == "FAILED").then(1).otherwise(0).alias("retry_count"),
        json_object(**{name: quoted(pl.col(f"tag_{name}")) for name in shape.TAGS}).alias("tags"),
        pl.col("created_at"),
        pl.when(status != "PENDING").then(pl.col("started_at")).alias("started_at"),
        pl.when(finished).then(pl.col("completed_at")).alias("completed_at"),
    ]
    record = [pl.when(~pl.col("orphan")).then(column).alias(column.meta.output_name()) for column in told]
    known = [pl.col(name) for name in ("tenant_id", "trace_id", "seen_at", "legal_hold")]
    return given.select(*known, pl.col("seen_at").alias("updated_at"), *record)


def _manifest() -> pl.Expr:
    output = json_object(
        url=pl.format('"s3://bench/{}.mp4"', pl.col("trace_id")),
        format=pl.lit('"mp4"'),
        checksum=pl.format('"sha256:{}"', pl.col("prompt")),
        resolution=pl.format('"{}x{}"', pl.col("width"), pl.col("height")),
        file_size_bytes=pl.col("bytes"),
    )
    return json_object(primary_output=output)


def _failure() -> pl.Expr:
    return json_object(
        kind=quoted(pl.col("kind")),
        message=pl.format('"{} while denoising on {}"', pl.col("kind"), pl.col("hardware")),
        retryable=pl.when(pl.col("kind").is_in(["oom", "validation_error"]))
        .then(pl.lit("false"))
        .otherwise(pl.lit("true")),
        stage=pl.lit('"sampling"'),
    )
