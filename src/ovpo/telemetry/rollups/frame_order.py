# SPDX-License-Identifier: Apache-2.0
"""Where the frame events of a window break the invariants of the contract (section 6.1), counted from the raw rows.

Settling finds the same when it counts a trace; this looks again, at all traces of a window, whatever settling said.
"""

from typing import Final

import polars as pl
from clickhouse_connect.driver.client import Client

from ovpo.telemetry.rollups.window import MOMENT, Columns, Window

MOST_ROWS: Final = 300_000
"""Rows that one question sorts: a million take ClickHouse 600 MB."""
ROWS: Final = """
SELECT count() FROM frame_events WHERE seen_at >= {first:DateTime('UTC')} AND seen_at < {end:DateTime('UTC')}
"""
OUT_OF_ORDER: Final = """
WITH
    once AS (
        SELECT tenant_id, trace_id, seen_at, event_id, event_type, observed_at, frame_index, media_time_ms
        FROM frame_events
        WHERE seen_at >= {first:DateTime('UTC')} AND seen_at < {end:DateTime('UTC')}
          AND cityHash64(trace_id) % {parts:UInt32} = {part:UInt32}
        ORDER BY received_at LIMIT 1 BY tenant_id, trace_id, event_id
    ),
    beside AS (
        SELECT tenant_id, trace_id, seen_at, frame_index,
               row_number() OVER same_frame > 1 AS stays,
               row_number() OVER whole > 1 AND max(media_time_ms) OVER before > media_time_ms AS falls,
               row_number() OVER own > 1 AND max(observed_at) OVER own_before > observed_at + INTERVAL 5 SECOND AS lags
        FROM once
        WINDOW
            same_frame AS (PARTITION BY tenant_id, trace_id, event_type, frame_index
                           ORDER BY observed_at, media_time_ms, event_id),
            own AS (PARTITION BY tenant_id, trace_id, event_type
                    ORDER BY frame_index, observed_at, media_time_ms, event_id),
            own_before AS (PARTITION BY tenant_id, trace_id, event_type
                           ORDER BY frame_index, observed_at, media_time_ms, event_id
                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
            whole AS (PARTITION BY tenant_id, trace_id ORDER BY frame_index, observed_at, media_time_ms, event_id),
            before AS (PARTITION BY tenant_id, trace_id ORDER BY frame_index, observed_at, media_time_ms, event_id
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    )
SELECT toStartOfHour(any(seen_at), 'UTC'), toString(trace_id), rule, count(), min(frame_index)
FROM beside
ARRAY JOIN arrayFilter(one -> one != '', [if(stays, 'frame_index_rises', ''), if(falls, 'media_time_never_falls', ''),
                                          if(lags, 'observed_at_keeps_pace', '')]) AS rule
GROUP BY tenant_id, trace_id, rule ORDER BY count() DESC, trace_id, rule LIMIT 1000
"""
COLUMNS: Final[Columns] = {
    "hour": MOMENT,
    "trace_id": pl.String,
    "rule": pl.String,
    "events": pl.Int64,
    "first_frame": pl.Int64,
}


def out_of_order(client: Client, window: Window) -> pl.DataFrame:
    """List the traces of a window by the rule that their events break, the worst of each hour first."""
    return pl.concat([_in_hour(client, hour) for hour in window.hours()])


def _in_hour(client: Client, hour: Window) -> pl.DataFrame:
    """Ask in parts, each with whole traces of about `MOST_ROWS` rows."""
    (rows,) = client.query(ROWS, hour.utc).result_rows[0]
    parts = 1 + rows // MOST_ROWS
    found = [
        row
        for part in range(parts)
        for row in client.query(OUT_OF_ORDER, {**hour.utc, "parts": parts, "part": part}).result_rows
    ]
    return pl.DataFrame(found, schema=COLUMNS, orient="row")
