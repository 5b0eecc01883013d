# SPDX-License-Identifier: Apache-2.0
"""Tenants, API keys and the ledger."""

from ovpo.foundation.postgres.migrations.statements import run

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the foundation's tables, policies and grants."""
    run("0001_foundation.sql")
