# SPDX-License-Identifier: Apache-2.0
"""What SOP scoring keeps on record."""

from ovpo.foundation.postgres.migrations.statements import run

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the tables of videos, definitions, embeddings, adapters and scores."""
    run("0008_sop.sql")
