# SPDX-License-Identifier: Apache-2.0
"""The frames of a trace as lines to draw: each frame where they are few, buckets of media time where they are many."""

from dataclasses import dataclass
from typing import Any, Final

from clickhouse_connect.driver.client import Client

from ovpo.telemetry.query.frame_statements import BUCKETS, EXTENT, FRAMES

LAST_INDEX: Final = 2**63 - 1
LAST_MS: Final = 1e300


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which frames of a trace, which numbers of them, and at how many points."""

    from_ms: float
    to_ms: float
    from_index: int
    to_index: int
    types: tuple[str, ...]
    metrics: tuple[str, ...]
    points: int


def draw(client: Client, tenant_id: str, trace_id: str, stretch: Stretch) -> dict[str, Any]:
    """Read the lines: columns of equal length, and for each metric its mean, least and greatest value at each point."""
    given: dict[str, Any] = {
        "tenant": tenant_id,
        "trace": trace_id,
        "from_ms": stretch.from_ms,
        "to_ms": stretch.to_ms,
        "from_index": stretch.from_index,
        "to_index": stretch.to_index,
        "types": list(stretch.types),
        "metrics": list(stretch.metrics),
        "points": stretch.points,
    }
    [[matched, low, high, first, last]] = client.query(EXTENT, given).result_rows
    if matched <= stretch.points or (high <= low and last <= first):
        rows = client.query(FRAMES, given).result_rows if matched else []
        drawn = _frames(rows, stretch.metrics)
    else:
        by_time = high > low
        begun, span = (low, high - low) if by_time else (float(first), float(last - first))
        rows = client.query(BUCKETS, given | {"by_time": by_time, "low": begun, "span": span}).result_rows
        drawn = _buckets(rows, stretch.metrics)
    return {
        "matched": matched,
        "from_ms": low if matched else None,
        "to_ms": high if matched else None,
        "points": len(rows),
        **drawn,
    }


def _frames(rows: Any, metrics: tuple[str, ...]) -> dict[str, Any]:
    values = [row[4] for row in rows]
    lines = {name: {"mean": [value.get(name) for value in values], "min": None, "max": None} for name in metrics}
    return {
        "resolution": "frames",
        "frame_index": [row[0] for row in rows],
        "media_time_ms": [row[1] for row in rows],
        "observed_at": [row[3] for row in rows],
        "event_type": [row[2] for row in rows],
        "frames": [1] * len(rows),
        "errors": [int(row[2] == "frame_error") for row in rows],
        "metrics": lines,
    }


def _buckets(rows: Any, metrics: tuple[str, ...]) -> dict[str, Any]:
    lines = {
        name: {
            "mean": [row[7][name] / row[8][name] if name in row[7] else None for row in rows],
            "min": [row[5].get(name) for row in rows],
            "max": [row[6].get(name) for row in rows],
        }
        for name in metrics
    }
    return {
        "resolution": "buckets",
        "frame_index": [row[0] for row in rows],
        "media_time_ms": [row[1] for row in rows],
        "observed_at": [row[2] for row in rows],
        "event_type": None,
        "frames": [row[3] for row in rows],
        "errors": [row[4] for row in rows],
        "metrics": lines,
    }
