# SPDX-License-Identifier: Apache-2.0
"""Brings ClickHouse's tables up to date: one statement a file, in the order of their names, each applied once.

A file that was applied must not change afterwards; its digest is kept, and a different one stops the migration.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from clickhouse_connect.driver.client import Client

from ovpo.foundation.clickhouse.connect import session
from ovpo.foundation.settings.tree import ClickHouse

FOLDER = Path(__file__).parent / "migrations"
CREATE_DATABASE = "CREATE DATABASE IF NOT EXISTS {database:Identifier}"
CREATE_LOG = """
CREATE TABLE IF NOT EXISTS schema_migrations (name String, digest FixedString(64), applied_at DateTime64(3, 'UTC'))
ENGINE = MergeTree ORDER BY name
"""
APPLIED = "SELECT name, digest FROM schema_migrations"
RECORD = "INSERT INTO schema_migrations SELECT {name:String}, {digest:String}, now64(3)"


class MigrationError(Exception):
    """An applied migration is not the one that this code holds."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of statements."""

    name: str
    statement: str

    @property
    def digest(self) -> str:
        """Identify the statement."""
        return sha256(self.statement.encode()).hexdigest()


def read(folder: Path = FOLDER) -> list[Migration]:
    """Read every migration of the folder in order."""
    return [Migration(file.stem, file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.sql"))]


def migrate(settings: ClickHouse, migrations: list[Migration] | None = None) -> list[str]:
    """Apply what is missing and return its names; may be repeated."""
    with session(settings, database="default") as client:
        client.command(CREATE_DATABASE, parameters={"database": settings.database})
    with session(settings) as client:
        client.command(CREATE_LOG)
        return [_apply(client, migration) for migration in missing(migrations or read(), _applied(client))]


def missing(migrations: list[Migration], applied: dict[str, str]) -> list[Migration]:
    """Choose what is still to be applied; refuse when an applied one was changed."""
    changed = [known.name for known in migrations if applied.get(known.name, known.digest) != known.digest]
    if changed:
        raise MigrationError(f"migration {changed[0]} was changed after it was applied; restore it and add a new one")
    return [known for known in migrations if known.name not in applied]


def _applied(client: Client) -> dict[str, str]:
    return {
        name: digest.decode() if isinstance(digest, bytes) else digest
        for name, digest in client.query(APPLIED).result_rows
    }


def _apply(client: Client, migration: Migration) -> str:
    client.command(migration.statement)
    client.command(RECORD, parameters={"name": migration.name, "digest": migration.digest})
    return migration.name
