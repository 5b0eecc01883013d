# SPDX-License-Identifier: Apache-2.0
"""Brings the tables up to date by Alembic, as the role that owns them."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine

from ovpo.foundation.postgres.connect import endpoint, password
from ovpo.foundation.settings.tree import Postgres, PostgresRole

SCRIPTS = Path(__file__).parent / "migrations"


def migrate(settings: Postgres) -> str:
    """Apply every migration that is missing, in one transaction each, and return the revision reached."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    engine = _engine(settings)
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            return MigrationContext.configure(connection).get_current_revision() or "base"
    finally:
        engine.dispose()


def newest_revision() -> str:
    """Tell the revision that this code expects."""
    return ScriptDirectory(str(SCRIPTS)).get_current_head() or "base"


def _engine(settings: Postgres) -> Engine:
    host, port = endpoint(settings)
    role = PostgresRole.MIGRATE
    return create_engine(
        "postgresql+psycopg://",
        connect_args={
            "host": host,
            "port": port,
            "dbname": settings.database,
            "user": role.value,
            "password": password(settings, role),
        },
    )
