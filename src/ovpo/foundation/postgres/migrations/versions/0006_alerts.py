# SPDX-License-Identifier: Apache-2.0
"""Alerts: what fires, since when, and what it said."""

from ovpo.foundation.postgres.migrations.statements import run

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the tables of alerts."""
    run("0006_alerts.sql")
