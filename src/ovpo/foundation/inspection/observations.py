# SPDX-License-Identifier: Apache-2.0
"""The table of observations in ClickHouse: written once a look, read by look, or by hour as a frame."""

from collections.abc import Iterable
from dataclasses import astuple, fields
from datetime import datetime
from uuid import UUID

import polars as pl

from ovpo.foundation.clickhouse.connect import session
from ovpo.foundation.inspection.stores import Observation
from ovpo.foundation.settings.tree import ClickHouse

TABLE = "store_observations"
COLUMNS = [field.name for field in fields(Observation)]
OF_LOOK = """
SELECT look_id, observed_at, store, ready, milliseconds, version, bytes, detail
FROM store_observations WHERE look_id = {look_id:UUID} ORDER BY store
"""
NEWEST = """
SELECT look_id, observed_at, store, ready, milliseconds, version, bytes, detail FROM store_observations
WHERE look_id = (SELECT argMax(look_id, observed_at) FROM store_observations) ORDER BY store
"""
BY_HOUR = """
SELECT toStartOfHour(observed_at) AS hour, store, count() AS looks, countIf(NOT ready) AS failures,
       quantileExact(0.5)(milliseconds) AS p50_milliseconds, quantileExact(0.95)(milliseconds) AS p95_milliseconds,
       argMax(version, observed_at) AS version, argMax(bytes, observed_at) AS bytes
FROM store_observations WHERE observed_at >= {first:DateTime64(3)} AND observed_at < {end:DateTime64(3)}
GROUP BY hour, store ORDER BY hour, store
"""
HOURLY: dict[str, pl.DataType | type[pl.DataType]] = {
    "hour": pl.Datetime("ms", "UTC"),
    "store": pl.String,
    "looks": pl.Int64,
    "failures": pl.Int64,
    "p50_milliseconds": pl.Float64,
    "p95_milliseconds": pl.Float64,
    "version": pl.String,
    "bytes": pl.Int64,
}


def keep(settings: ClickHouse, observations: Iterable[Observation]) -> None:
    """Write what a look saw."""
    with session(settings) as client:
        client.insert(TABLE, [astuple(row) for row in observations], column_names=COLUMNS)


def of_look(settings: ClickHouse, look_id: UUID) -> list[Observation]:
    """Read what one look saw."""
    with session(settings) as client:
        return [Observation(*row) for row in client.query(OF_LOOK, {"look_id": look_id}).result_rows]


def newest_look(settings: ClickHouse) -> list[Observation]:
    """Read what the newest look saw: nothing when none was ever taken."""
    with session(settings) as client:
        return [Observation(*row) for row in client.query(NEWEST).result_rows]


def by_hour(settings: ClickHouse, first: datetime, end: datetime) -> pl.DataFrame:
    """Sum the looks of a span of time up: one row an hour and store."""
    with session(settings) as client:
        rows = client.query(BY_HOUR, {"first": first, "end": end}).result_rows
    return pl.DataFrame(rows, schema=HOURLY, orient="row")
