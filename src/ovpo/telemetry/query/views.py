# SPDX-License-Identifier: Apache-2.0
"""Saved views: questions to the list of traces that somebody of a tenant gave a name."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

MOST_VIEWS: Final = 200
LIST: Final = """
SELECT view_id::text, name, query, created_by, created_at, updated_at FROM saved_views ORDER BY name, view_id
"""
FIND: Final = """
SELECT view_id::text, name, query, created_by, created_at, updated_at FROM saved_views WHERE view_id = %s
"""
COUNT: Final = "SELECT count(*) FROM saved_views"
ADD: Final = """
INSERT INTO saved_views (tenant_id, view_id, name, query, created_by) VALUES (current_tenant(), %s, %s, %s, %s)
RETURNING view_id::text, name, query, created_by, created_at, updated_at
"""
CHANGE: Final = """
UPDATE saved_views SET name = %s, query = %s, updated_at = now() WHERE view_id = %s
RETURNING view_id::text, name, query, created_by, created_at, updated_at
"""
REMOVE: Final = "DELETE FROM saved_views WHERE view_id = %s"


class ViewError(Exception):
    """A view cannot be kept as it is; the message says why."""


@dataclass(frozen=True, slots=True)
class View:
    """A question with a name."""

    view_id: str
    name: str
    query: dict[str, Any]
    created_by: str
    created_at: datetime
    updated_at: datetime


def views_of(connection: psycopg.Connection) -> list[View]:
    """Give the views of the tenant whose rows the connection sees, by name."""
    return connection.cursor(row_factory=class_row(View)).execute(LIST).fetchall()


def find(connection: psycopg.Connection, view_id: str) -> View | None:
    """Give one view."""
    return connection.cursor(row_factory=class_row(View)).execute(FIND, (view_id,)).fetchone()


def add(connection: psycopg.Connection, view_id: str, name: str, query: dict[str, Any], created_by: str) -> View | None:
    """Keep a new view."""
    [count] = connection.execute(COUNT).fetchone() or (0,)
    if count >= MOST_VIEWS:
        raise ViewError(f"your tenant has {MOST_VIEWS} views already; delete one first")
    return _kept(connection, ADD, (view_id, name, Jsonb(query), created_by), name)


def change(connection: psycopg.Connection, view_id: str, name: str, query: dict[str, Any]) -> View | None:
    """Give a view another name or question; None if it is not there."""
    return _kept(connection, CHANGE, (name, Jsonb(query), view_id), name)


def remove(connection: psycopg.Connection, view_id: str) -> None:
    """Forget a view."""
    connection.execute(REMOVE, (view_id,))


def _kept(connection: psycopg.Connection, statement: str, given: tuple[object, ...], name: str) -> View | None:
    try:
        with connection.transaction():
            return connection.cursor(row_factory=class_row(View)).execute(statement.encode(), given).fetchone()
    except UniqueViolation:
        raise ViewError(f"your tenant has a view {name!r} already; choose another name") from None
