# SPDX-License-Identifier: Apache-2.0
"""The audit chain."""

from ovpo.foundation.postgres.migrations.statements import run

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the append-only, hash-chained log and its seals."""
    run("0005_audit.sql")
