# SPDX-License-Identifier: Apache-2.0
"""The frame events of one trace as their sender spelled them, and which frames are missing among them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_connect.driver.query import QueryResult

from ovpo.telemetry.contract.records import EventType
from ovpo.telemetry.query.frame_statements import EVENTS, FIRST_EVENTS, GAPS, LARGE_EVENTS, ONLY_SAMPLED

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
_GPU: Final = ("vram_used_mb", "gpu_utilization_pct", "temperature_c")
_QUALITY: Final = (
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
METRICS: Final = (*_QUALITY, *_GPU, "latent_mean", "latent_std_dev", "latent_nan_count")
"""The numbers of a frame that can be drawn over time; senders may add quality metrics of their own."""
_ALWAYS: Final = ("event_id", "span_id", "event_type", "observed_at", "frame_index", "media_time_ms")
_NESTED: Final = ("step_index", "latent_stats", "quality_metrics", "gpu_metrics", "artifact_refs", "provenance")
Columns = Mapping[str, Sequence[Any]]
Event = dict[str, Any]
Gap = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Frames:
    """What ClickHouse holds of a trace: its first events, whether there are more, and what is missing among all."""

    events: list[Event]
    cut: bool
    gaps: list[Gap]
    only_sampled: bool


def frames_of(client: Client, tenant_id: str, trace_id: str, most: int, expected: int) -> Frames:
    """Read the first events of a trace, and find what is missing among all; `expected` is how many it should have."""
    events, cut = events_of(client, tenant_id, trace_id, most, expected)
    if cut:
        gaps, only_sampled = gaps_in(client, tenant_id, trace_id), is_only_sampled(client, tenant_id, trace_id)
    else:
        gaps, only_sampled = gaps_among(events), are_only_sampled(events)
    return Frames(events, cut, gaps, only_sampled)


def events_of(client: Client, tenant_id: str, trace_id: str, most: int, expected: int = 0) -> tuple[list[Event], bool]:
    """Read the events of a trace by frame, then by time, up to a number and a size; say whether there are more.

    A wrong `expected` costs time and changes nothing.
    """
    columns = _read(client, tenant_id, trace_id, most, expected)
    if not columns:
        return [], False
    sized = sorted(zip(_events(columns), columns["bytes"], strict=True), key=_by_frame)
    sizes = accumulate(size for _, size in sized[:most])
    within = [event for (event, _), so_far in zip(sized, sizes, strict=False) if so_far <= MOST_BYTES]
    return within, len(sized) > len(within)


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


def _read(client: Client, tenant_id: str, trace_id: str, most: int, expected: int) -> Columns:
    """Read one event more than are wanted, where there are more: all in one simple question where that will do."""
    given = {"tenant": tenant_id, "trace": trace_id, "most": most + 1, "budget": MOST_BYTES}
    bound = {"max_result_bytes": LARGE * MOST_BYTES}
    try:
        if expected <= most and _is_all(columns := _columns(client.query(EVENTS, given, bound)), most):
            return columns
        return _columns(client.query(FIRST_EVENTS, given, bound))
    except DatabaseError as error:
        if error.code != _TOO_LARGE:
            raise
        return _columns(client.query(LARGE_EVENTS, given))


def _columns(result: QueryResult) -> Columns:
    """Give the columns by name; none where there are no rows."""
    return dict(zip(result.column_names, result.result_columns, strict=False)) if result.result_columns else {}


def _is_all(columns: Columns, most: int) -> bool:
    """Tell whether these rows are all events of the trace, each of them once."""
    ids = columns.get("event_id", ())
    return len(ids) <= most and len(set(ids)) == len(ids)


def _by_frame(sized: tuple[Event, int]) -> tuple[int, str, str]:
    event, _ = sized
    return event["frame_index"], event["observed_at"], event["event_id"]


def _events(columns: Columns) -> list[Event]:
    """Nest the columns again; what the sender did not say is left out."""
    always = [columns[name] for name in _ALWAYS]
    always[_ALWAYS.index("observed_at")] = [f"{text[:10]}T{text[11:]}Z" for text in columns["observed_at"]]
    quality = zip(_told(columns, {name: name for name in _QUALITY}), columns["more_metrics"], strict=True)
    nested: tuple[Sequence[Any], ...] = (
        columns["step_index"],
        _told(columns, LATENT),
        [fixed | free if free else fixed for fixed, free in quality],
        _told(columns, {name: name for name in _GPU}),
        [msgspec.Raw(text.encode()) if text else None for text in columns["artifact_refs"]],
        [msgspec.Raw(text.encode()) if text else None for text in columns["provenance"]],
    )
    events: list[Event] = [dict(zip(_ALWAYS, values, strict=True)) for values in zip(*always, strict=True)]
    for name, values in zip(_NESTED, nested, strict=True):
        for event, value in zip(events, values, strict=True):
            if value is not None and value != {}:
                event[name] = value
    return events


def _told(columns: Columns, names: Mapping[str, str]) -> list[dict[str, float]]:
    """Put the numbers of each event that were sent into an object; most columns hold nothing and are passed over."""
    count = len(columns["bytes"])
    unsaid = {name: columns[name].count(None) for name in names}
    filled = {shown: columns[name] for name, shown in names.items() if unsaid[name] < count}
    if not filled:
        return [{}] * count
    rows = zip(*filled.values(), strict=True)
    if not any(unsaid[name] for name, shown in names.items() if shown in filled):
        return [dict(zip(filled, values, strict=True)) for values in rows]
    return [{name: value for name, value in zip(filled, values, strict=True) if value is not None} for values in rows]
