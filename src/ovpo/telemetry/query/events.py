# SPDX-License-Identifier: Apache-2.0
"""The frame events of one trace as their sender spelled them, and which frames are missing among them."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from ovpo.telemetry.contract.records import EventType
from ovpo.telemetry.query.frame_statements import EVENTS, GAPS, LARGE_EVENTS, ONLY_SAMPLED

MOST_GAPS: Final = 100
MOST_BYTES: Final = 8_000_000
"""Of what senders wrote freely into the events of one answer: references, provenance, metrics of their own."""
LATENT: Final = {
    "latent_mean": "mean",
    "latent_std_dev": "std_dev",
    "latent_min": "min_val",
    "latent_max": "max_val",
    "latent_nan_count": "nan_count",
    "latent_inf_count": "inf_count",
}
LARGE: Final = 4
"""So many times that budget are read in one go, with all else that an event is; more are read with their budget."""
_TOO_LARGE: Final = 396
GPU: Final = ("vram_used_mb", "gpu_utilization_pct", "temperature_c")
QUALITY: Final = (
    "motion_score",
    "temporal_consistency",
    "contrast_ratio",
    "brightness_avg",
    "edge_density",
    "noise_estimate",
    "clip_text_similarity",
    "clip_image_similarity",
    "aesthetic_score",
    "artifact_score",
    "nsfw_score",
)
METRICS: Final = (*QUALITY, *GPU, "latent_mean", "latent_std_dev", "latent_nan_count")
"""The numbers of a frame that can be drawn over time; senders may add quality metrics of their own."""
_ALWAYS: Final = ("event_id", "span_id", "event_type", "observed_at", "frame_index", "media_time_ms")
Event = dict[str, Any]
Gap = tuple[int, int]


def events_of(client: Client, tenant_id: str, trace_id: str, most: int) -> tuple[list[Event], bool]:
    """Read the events of a trace by frame, then by time, up to a number and a size; say whether there are more."""
    given = {"tenant": tenant_id, "trace": trace_id, "most": most + 1, "budget": MOST_BYTES}
    try:
        rows = list(client.query(EVENTS, given, settings={"max_result_bytes": LARGE * MOST_BYTES}).named_results())
    except DatabaseError as error:
        if error.code != _TOO_LARGE:
            raise
        rows = list(client.query(LARGE_EVENTS, given).named_results())
    sizes = accumulate(row["bytes"] for row in rows[:most])
    within = [_event(row) for row, so_far in zip(rows, sizes, strict=False) if so_far <= MOST_BYTES]
    return within, len(rows) > len(within)


def gaps_in(client: Client, tenant_id: str, trace_id: str) -> list[Gap]:
    """Find the first ranges of frames that never came, each with its first and last frame."""
    rows = client.query(GAPS, {"tenant": tenant_id, "trace": trace_id, "most": MOST_GAPS}).result_rows
    return [(int(first), int(last)) for first, last in rows]


def is_only_sampled(client: Client, tenant_id: str, trace_id: str) -> bool:
    """Tell whether every event is of a sample, so that gaps between frames are meant."""
    [[only]] = client.query(ONLY_SAMPLED, {"tenant": tenant_id, "trace": trace_id}).result_rows
    return bool(only)


def are_only_sampled(events: Sequence[Event]) -> bool:
    """Tell the same where all events are at hand. Pure."""
    return bool(events) and all(event["event_type"] == EventType.FRAME_SAMPLED for event in events)


def gaps_among(events: Iterable[Event]) -> list[Gap]:
    """Find the gaps where all events are at hand. Pure."""
    gaps: list[Gap] = []
    expected = 0
    for index in sorted({event["frame_index"] for event in events if event["event_type"] != EventType.FRAME_ERROR}):
        if index > expected:
            gaps.append((expected, index - 1))
        expected = index + 1
    return gaps[:MOST_GAPS]


def _event(row: Mapping[str, Any]) -> Event:
    """Nest the columns again; what the sender did not say is left out."""
    event = {name: row[name] for name in _ALWAYS}
    quality = {name: row[name] for name in QUALITY if row[name] is not None} | row["more_metrics"]
    nested = {
        "step_index": row["step_index"],
        "latent_stats": {name: row[column] for column, name in LATENT.items() if row[column] is not None},
        "quality_metrics": quality,
        "gpu_metrics": {name: row[name] for name in GPU if row[name] is not None},
        "artifact_refs": msgspec.Raw(row["artifact_refs"].encode()) if row["artifact_refs"] else None,
        "provenance": msgspec.Raw(row["provenance"].encode()) if row["provenance"] else None,
    }
    return event | {name: value for name, value in nested.items() if value not in (None, {})}
