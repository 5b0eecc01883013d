# SPDX-License-Identifier: Apache-2.0
"""Which artifacts a trace refers to, asked of both stores: the manifest in PostgreSQL, frame events in ClickHouse.

Of frame events with the same id the first to come counts, as everywhere. Of each event only the one reference that is
looked for is held, never all of a long trace's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from clickhouse_connect.driver.client import Client

from ovpo.telemetry.artifacts.references import THUMBNAIL, Reference, of_frame, of_manifest

MANIFEST: Final = """
SELECT output_manifest::text FROM traces WHERE tenant_id = %(tenant_id)s AND trace_id = %(trace_id)s
"""
TENANTS: Final = "SELECT tenant_id FROM traces WHERE trace_id = %s ORDER BY tenant_id"
ONE: Final = """
SELECT tupleElement(first, 2) AS found
FROM (
    SELECT argMin((
               frame_index,
               arrayFirst(one -> JSONExtractString(one, 'uri') = {uri:String}, JSONExtractArrayRaw(artifact_refs))),
           received_at) AS first
    FROM frame_events WHERE tenant_id = {tenant_id:String} AND trace_id = {trace_id:UUID} GROUP BY event_id
)
WHERE found != '' ORDER BY tupleElement(first, 1) LIMIT 1
"""
EVERY: Final = """
SELECT arrayJoin(JSONExtractArrayRaw(artifact_refs)) FROM (
    SELECT frame_index, artifact_refs FROM frame_events
    WHERE tenant_id = {tenant_id:String} AND trace_id = {trace_id:UUID} ORDER BY received_at LIMIT 1 BY event_id
)
ORDER BY frame_index
"""
# Evenly over the media time: as many slices of the same length as are wanted, and the first picture of each.
THUMBNAILS: Final = """
WITH
    once AS (
        SELECT event_id, argMin((
                   frame_index, media_time_ms,
                   arrayFirst(one -> JSONExtractString(one, 'kind') = {kind:String}, JSONExtractArrayRaw(artifact_refs))
               ), received_at) AS first
        FROM frame_events WHERE tenant_id = {tenant_id:String} AND trace_id = {trace_id:UUID} GROUP BY event_id
    ),
    pictures AS (
        SELECT event_id, tupleElement(first, 1) AS frame_index, tupleElement(first, 2) AS media_time_ms,
               tupleElement(first, 3) AS reference
        FROM once
        WHERE reference != '' AND media_time_ms >= {from_ms:Float64} AND media_time_ms <= {to_ms:Float64}
    ),
    placed AS (
        SELECT *, count() OVER () AS total, min(media_time_ms) OVER () AS first, max(media_time_ms) OVER () AS last,
               row_number() OVER (ORDER BY media_time_ms, frame_index, event_id) AS place
        FROM pictures
    ),
    sliced AS (
        SELECT *, (media_time_ms - first) / greatest(last - first, 1e-9) AS share,
               if(total <= {most:UInt64}, place, least(toUInt64(share * {most:UInt64}), {most:UInt64} - 1)) AS slice
        FROM placed
    )
SELECT frame_index, media_time_ms, reference, total FROM sliced
ORDER BY media_time_ms, frame_index, event_id LIMIT 1 BY slice
"""


@dataclass(frozen=True, slots=True)
class Span:
    """The media time from a moment to another, both within it."""

    from_ms: float
    to_ms: float


@dataclass(frozen=True, slots=True)
class Picture:
    """A small picture of one frame."""

    frame_index: int
    media_time_ms: float
    reference: Reference


@dataclass(frozen=True, slots=True)
class Pictures:
    """Some pictures of a trace, in the order of media time, and how many there are to choose from."""

    total: int
    chosen: tuple[Picture, ...]


def manifest(connection: psycopg.Connection, tenant_id: str, trace_id: str) -> tuple[Reference, ...] | None:
    """Read what the manifest of a trace refers to; None where the tenant has no such trace."""
    row = connection.execute(MANIFEST, {"tenant_id": tenant_id, "trace_id": trace_id}).fetchone()
    return None if row is None else tuple(of_manifest(row[0]))


def tenants_of(connection: psycopg.Connection, trace_id: str) -> list[str]:
    """Tell which tenants have a trace of this id; ids are random, so more than one is a sender's doing."""
    return [row[0] for row in connection.execute(TENANTS, (trace_id,))]


def in_frames(client: Client, tenant_id: str, trace_id: str, uri: str) -> Reference | None:
    """Find the first frame event of a trace that refers to an artifact."""
    rows = client.query(ONE, {"tenant_id": tenant_id, "trace_id": trace_id, "uri": uri}).result_rows
    return of_frame(rows[0][0]) if rows else None


def of_frames(client: Client, tenant_id: str, trace_id: str) -> Iterator[Reference]:
    """Give every reference of a trace's frame events, in the order of frames."""
    for row in client.query(EVERY, {"tenant_id": tenant_id, "trace_id": trace_id}).result_rows:
        yield of_frame(row[0])


def thumbnails(client: Client, tenant_id: str, trace_id: str, span: Span, most: int) -> Pictures:
    """Read thumbnails of a trace, evenly chosen over the media time where there are more than wanted."""
    given: dict[str, Any] = {"tenant_id": tenant_id, "trace_id": trace_id, "kind": THUMBNAIL, "most": most}
    rows = client.query(THUMBNAILS, {**given, "from_ms": span.from_ms, "to_ms": span.to_ms}).result_rows
    chosen = tuple(Picture(index, media_time, of_frame(text)) for index, media_time, text, _ in rows)
    return Pictures(rows[0][3] if rows else 0, chosen)
