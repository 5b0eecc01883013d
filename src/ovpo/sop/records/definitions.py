# SPDX-License-Identifier: Apache-2.0
"""The statements on definitions of procedures: each change is a new version, and none is ever overwritten."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import scalar_row

from ovpo.sop.definitions.reading import parse
from ovpo.sop.errors import DefinitionError
from ovpo.sop.records.reading import row_of
from ovpo.sop.records.rows import StoredDefinition

NAME: Final = "content"
"""What the errors of a definition's text begin with."""
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('sop_definitions ' || %s || ' ' || %s, 0))"
ADD: Final = """
INSERT INTO sop_definitions (tenant_id, task_id, version, content, created_by, created_at)
SELECT %(tenant)s, %(task)s, coalesce(max(version), 0) + 1, %(content)s, %(by)s, %(now)s
FROM sop_definitions WHERE tenant_id = %(tenant)s AND task_id = %(task)s
RETURNING *
"""
NEWEST: Final = """
SELECT * FROM sop_definitions WHERE tenant_id = %s AND task_id = %s AND retired_at IS NULL
ORDER BY version DESC LIMIT 1
"""
OF_VERSION: Final = "SELECT * FROM sop_definitions WHERE tenant_id = %s AND task_id = %s AND version = %s"
VERSIONS: Final = "SELECT * FROM sop_definitions WHERE tenant_id = %s AND task_id = %s ORDER BY version DESC"
NEWEST_OF_EACH: Final = """
SELECT DISTINCT ON (task_id) * FROM sop_definitions WHERE tenant_id = %s AND retired_at IS NULL
ORDER BY task_id, version DESC
"""
FINGERPRINT: Final = """
SELECT md5(coalesce(string_agg(concat_ws('/', tenant_id, task_id, version), ',' ORDER BY tenant_id, task_id, version),
                    ''))
FROM sop_definitions WHERE retired_at IS NULL
"""
RETIRE: Final = """
UPDATE sop_definitions SET retired_at = %(now)s
WHERE tenant_id = %(tenant)s AND task_id = %(task)s AND version = %(version)s AND retired_at IS NULL
RETURNING *
"""


@dataclass(frozen=True, slots=True)
class Definitions:
    """One look at the definitions, or one change of them."""

    connection: psycopg.Connection

    def add(self, tenant_id: str, task_id: str, content: str, by: str, now: datetime) -> StoredDefinition:
        """Keep a new version; raise DefinitionError for a text that is no definition of this task."""
        defined = parse(content.encode(), NAME)
        if defined.task != task_id:
            raise DefinitionError(
                "other_task", f"{NAME}: task is {defined.task}, not {task_id}; write the task that it is kept for"
            )
        self.connection.execute(LOCK, (tenant_id, task_id))
        values = {"tenant": tenant_id, "task": task_id, "content": content, "by": by, "now": now}
        with self.connection.cursor(row_factory=row_of(StoredDefinition)) as cursor:
            return cursor.execute(ADD, values).fetchall()[0]

    def newest(self, tenant_id: str, task_id: str) -> StoredDefinition | None:
        """Give the version that holds now: the newest that is not retired."""
        return self._one(NEWEST, (tenant_id, task_id))

    def of_version(self, tenant_id: str, task_id: str, version: int) -> StoredDefinition | None:
        """Give one version, retired or not."""
        return self._one(OF_VERSION, (tenant_id, task_id, version))

    def versions(self, tenant_id: str, task_id: str) -> list[StoredDefinition]:
        """List the versions of a task's definition, the newest first."""
        return self._all(VERSIONS, (tenant_id, task_id))

    def newest_of_each(self, tenant_id: str) -> list[StoredDefinition]:
        """List what holds now, a definition a task."""
        return self._all(NEWEST_OF_EACH, (tenant_id,))

    def fingerprint(self) -> str:
        """Tell one state of every tenant's definitions from another."""
        with self.connection.cursor(row_factory=scalar_row) as cursor:
            return str(cursor.execute(FINGERPRINT).fetchone())

    def retire(self, tenant_id: str, task_id: str, version: int, now: datetime) -> StoredDefinition | None:
        """Let a version hold no longer, unless it is asked for by its number; None if there is none in force."""
        return self._one(RETIRE, {"tenant": tenant_id, "task": task_id, "version": version, "now": now})

    def _one(self, statement: LiteralString, values: Any) -> StoredDefinition | None:
        found = self._all(statement, values)
        return found[0] if found else None

    def _all(self, statement: LiteralString, values: Any) -> list[StoredDefinition]:
        with self.connection.cursor(row_factory=row_of(StoredDefinition)) as cursor:
            return cursor.execute(statement, values).fetchall()
