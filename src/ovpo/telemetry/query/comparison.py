# SPDX-License-Identifier: Apache-2.0
"""Two traces of one tenant read from both stores and set side by side; how they pair is the business of `comparing`."""

from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass, replace
from math import inf
from typing import Any, Final

import psycopg
from clickhouse_connect.driver.client import Client

from ovpo.telemetry.analytics.comparing import Comparison, Delta, FrameSeen, SpanSeen, TraceSeen, compare
from ovpo.telemetry.processor.hardware import Hardware
from ovpo.telemetry.processor.settling_statements import PRICED

MOST_SPANS: Final = 5_000
MOST_FRAMES: Final = 20_000
SPANS: Final = (
    PRICED
    + """
SELECT p.trace_id::text, p.span_id::text, p.span_kind, p.name, p.start_time, p.ms, p.units, s.attributes
FROM priced AS p JOIN wanted AS w USING (tenant_id, trace_id)
JOIN spans AS s ON s.tenant_id = p.tenant_id AND s.trace_id = p.trace_id AND s.span_id = p.span_id
               AND s.trace_seen_at = w.seen_at
ORDER BY p.start_time, p.span_id LIMIT %(most)s
"""
)
TOTALS: Final = """
SELECT tenant_id, trace_id::text, seen_at, total_ms, compute_units, peak_vram_mb FROM traces WHERE trace_id = %s
"""
FRAMES: Final = """
SELECT frame_index, media_time_ms, mapFilter((name, value) -> isNotNull(value), map(
           'motion_score', motion_score, 'temporal_consistency', temporal_consistency, 'contrast_ratio', contrast_ratio,
           'brightness_avg', brightness_avg, 'edge_density', edge_density, 'noise_estimate', noise_estimate,
           'clip_text_similarity', clip_text_similarity, 'clip_image_similarity', clip_image_similarity,
           'aesthetic_score', aesthetic_score, 'artifact_score', artifact_score, 'nsfw_score', nsfw_score)) AS quality,
       vram_used_mb
FROM (
    SELECT * FROM frame_events WHERE tenant_id = {tenant:String} AND trace_id = {trace:UUID}
    ORDER BY received_at LIMIT 1 BY event_id
)
ORDER BY media_time_ms, frame_index, event_id LIMIT {most:UInt32}
"""


@dataclass(frozen=True, slots=True)
class Side:
    """One of both traces as PostgreSQL knows it; its spans up to a bound."""

    total_ms: float | None
    units: float
    peak_vram_mb: float | None
    spans: list[SpanSeen]
    spans_cut: bool


def sides(connection: psycopg.Connection, hardware: Hardware, trace_ids: tuple[str, str]) -> tuple[Side, Side] | None:
    """Read both traces; None if one of them is gone."""
    one, other = (_side(connection, hardware, trace) for trace in trace_ids)
    return None if one is None or other is None else (one, other)


def frames(client: Client, tenant_id: str, trace_ids: tuple[str, str]) -> tuple[list[FrameSeen], list[FrameSeen]]:
    """Read the first frame events of both, by media time; one more than are compared where there are more."""
    one, other = (
        [FrameSeen(*row) for row in client.query(FRAMES, _bound(tenant_id, trace)).result_rows] for trace in trace_ids
    )
    return one, other


def answer(
    trace_ids: tuple[str, str], both: tuple[Side, Side], events: tuple[list[FrameSeen], list[FrameSeen]]
) -> dict[str, Any]:
    """Compare, and give the answer: what the traces add up to in whole, the rest of what was read. Pure."""
    frames_cut = any(len(some) > MOST_FRAMES for some in events)
    end = min((some[MOST_FRAMES - 1].media_time_ms for some in events if len(some) > MOST_FRAMES), default=inf)
    seen = [
        TraceSeen(side.total_ms, side.spans, [frame for frame in some[:MOST_FRAMES] if frame.media_time_ms <= end])
        for side, some in zip(both, events, strict=True)
    ]
    found = replace(
        compare(*seen),
        units=Delta(both[0].units, both[1].units),
        peak_vram_mb=Delta(both[0].peak_vram_mb, both[1].peak_vram_mb),
    )
    return {
        "one": trace_ids[0],
        "other": trace_ids[1],
        "spans_cut": any(side.spans_cut for side in both),
        "frames_cut": frames_cut,
        "compared_to_ms": end if frames_cut else None,
        **plain(found),
    }


def plain(value: Any) -> Any:
    """Give a comparison as plain objects; each pair of numbers with its difference. Pure."""
    match value:
        case Delta():
            return {"one": value.one, "other": value.other, "difference": value.difference}
        case Comparison():
            told = {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
            return told | {"spans": [_span_pair(pair) for pair in value.spans], "frames": _frame_columns(value)}
        case Mapping():
            return {name: plain(inner) for name, inner in value.items()}
        case tuple() | list():
            return [plain(inner) for inner in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
        case _:
            return value


def _span_pair(pair: Any) -> dict[str, Any]:
    return {
        "kind": pair.one.kind,
        "name": pair.one.name,
        "one": pair.one.span_id,
        "other": pair.other.span_id,
        "duration_ms": plain(pair.duration_ms),
        "units": plain(pair.units),
        "attributes": {name: list(values) for name, values in pair.attributes.items()},
    }


def _frame_columns(value: Comparison) -> dict[str, Any]:
    """Give pairs of frames as columns of equal length: media time of the one, and the difference of each number."""
    metrics = sorted({name for pair in value.frames for name in pair.quality})
    return {
        "media_time_ms": [pair.one.media_time_ms for pair in value.frames],
        "one": [pair.one.frame_index for pair in value.frames],
        "other": [pair.other.frame_index for pair in value.frames],
        "vram_used_mb": [pair.vram_used_mb.difference for pair in value.frames],
        "quality": {
            name: [pair.quality[name].difference if name in pair.quality else None for pair in value.frames]
            for name in metrics
        },
    }


def _side(connection: psycopg.Connection, hardware: Hardware, trace: str) -> Side | None:
    row = connection.execute(TOTALS, (trace,)).fetchone()
    if row is None:
        return None
    tenant, _, seen_at, total_ms, units, peak = row
    given = {
        "tenants": [tenant],
        "traces": [trace],
        "seen": [seen_at],
        "hardware": list(hardware.factors),
        "factors": list(hardware.factors.values()),
        "other": hardware.other,
        "most": MOST_SPANS + 1,
    }
    spans = [SpanSeen(*found[1:]) for found in connection.execute(SPANS, given).fetchall()]
    return Side(total_ms, units, peak, spans[:MOST_SPANS], len(spans) > MOST_SPANS)


def _bound(tenant_id: str, trace: str) -> dict[str, Any]:
    return {"tenant": tenant_id, "trace": trace, "most": MOST_FRAMES + 1}
