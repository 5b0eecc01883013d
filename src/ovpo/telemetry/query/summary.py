# SPDX-License-Identifier: Apache-2.0
"""What is known of one trace, in one look: its row and its summary, as a tenant sees them."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from psycopg.rows import class_row

from ovpo.foundation.postgres.connect import SEE_TENANT, lend
from ovpo.foundation.settings.tree import Postgres, PostgresRole

SUMMARY: Final = """
SELECT t.status, s.model, s.spans, s.frames, s.total_ms, s.compute_units, s.peak_vram_mb, t.findings
FROM traces AS t JOIN trace_summaries AS s USING (tenant_id, trace_id) WHERE t.trace_id = %s
"""


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """A trace in one line."""

    status: str | None
    model: str | None
    spans: int
    frames: int
    total_ms: float | None
    compute_units: float
    peak_vram_mb: float | None
    findings: int


def summary_of(settings: Postgres, tenant_id: str, trace_id: UUID) -> TraceSummary | None:
    """Read the summary of a trace; None until it is there."""
    with lend(settings, PostgresRole.QUERY) as connection:
        connection.execute(SEE_TENANT, (tenant_id,))
        return connection.cursor(row_factory=class_row(TraceSummary)).execute(SUMMARY, (trace_id,)).fetchone()
