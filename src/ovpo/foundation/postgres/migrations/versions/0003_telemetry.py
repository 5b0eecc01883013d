# SPDX-License-Identifier: Apache-2.0
"""What the processor keeps of traces and spans."""

from ovpo.foundation.postgres.migrations.statements import run

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables of traces, their records, spans and summaries."""
    run("0003_telemetry.sql")
