# SPDX-License-Identifier: Apache-2.0
"""What the query API keeps and finds its way by."""

from ovpo.foundation.postgres.migrations.statements import run

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the indexes that lists walk along, and saved views."""
    run("0007_query.sql")
