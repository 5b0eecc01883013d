# SPDX-License-Identifier: Apache-2.0
"""Frame events in ClickHouse: the senders' own JSON with four facts of ours in front, thousands of rows an insert."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from ovpo.foundation.clickhouse.connect import KeptClient
from ovpo.telemetry.processor.faults import of_clickhouse
from ovpo.telemetry.processor.reading import FrameLine, TraceKey

TABLE: Final = "frame_events"
COLUMNS: Final = (
    "tenant_id",
    "seen_at",
    "received_at",
    "trace_id",
    "event_id",
    "span_id",
    "event_type",
    "observed_at",
    "frame_index",
    "media_time_ms",
    "step_index",
    "latent_stats",
    "gpu_metrics",
    "quality_metrics",
    "artifact_refs",
    "provenance",
)
# What the contract calls by other names (`type`, `schema_version`) is the same for every event.
_AS_SENT: Final = {"input_format_skip_unknown_fields": 1, "date_time_input_format": "best_effort"}


class Frames:
    """Writes frame events; one per thread."""

    def __init__(self, client: KeptClient) -> None:
        self._client = client

    def write(self, lines: Sequence[FrameLine], seen: Mapping[TraceKey, datetime]) -> None:
        """Write the lines; raise ItemRefusedError where one can never be written."""
        if not lines:
            return
        block = b"\n".join(_row(line, seen[line.key]) for line in lines)
        with of_clickhouse(), self._client.lent() as client:
            client.raw_insert(TABLE, COLUMNS, block, _AS_SENT, "JSONEachRow")

    def close(self) -> None:
        """End the connection."""
        self._client.close()


def _row(line: FrameLine, seen_at: datetime) -> bytes:
    """Put what the server knows into the object; no event has a field of these names."""
    ours = b'{"tenant_id":"%b","seen_at":%d,"received_at":%.6f,'
    return ours % (line.key[0].encode(), seen_at.timestamp(), line.received_at.timestamp()) + line.text[1:]
