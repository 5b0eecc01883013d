# SPDX-License-Identifier: Apache-2.0
"""Runs the versions on the connection that `migrate` hands in; an advisory lock makes two at once take turns."""

from alembic import context
from sqlalchemy import Connection, text

LOCK = text("SELECT pg_advisory_xact_lock(hashtext('ovpo migrations'))")

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=None, transactional_ddl=True)
with context.begin_transaction():
    connection.execute(LOCK)
    context.run_migrations()
