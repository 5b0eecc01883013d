# SPDX-License-Identifier: Apache-2.0
"""The tier of a tenant, and the idempotency keys of the collector."""

from ovpo.foundation.postgres.migrations.statements import run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create what the collector keeps in PostgreSQL."""
    run("0002_collector.sql")
