# SPDX-License-Identifier: Apache-2.0
"""How a version runs its SQL file: as it is, in one call to the server."""

from pathlib import Path

from alembic import op

FOLDER = Path(__file__).parent / "sql"


def run(name: str) -> None:
    """Execute one file of `sql/` inside the running migration, by the driver itself: `%` means nothing there."""
    statements = (FOLDER / name).read_text(encoding="utf-8")
    cursor = op.get_bind().connection.cursor()
    cursor.execute(statements)
    cursor.close()
