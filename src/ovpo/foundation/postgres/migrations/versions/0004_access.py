# SPDX-License-Identifier: Apache-2.0
"""Tenants' configuration, and the life of API keys."""

from ovpo.foundation.postgres.migrations.statements import run

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Widen tenants and keys, and let the governing role administer them."""
    run("0004_access.sql")
