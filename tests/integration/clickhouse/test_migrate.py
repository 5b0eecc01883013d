# SPDX-License-Identifier: Apache-2.0
"""ClickHouse's migrations: each once, in order, and a changed one is refused."""

from uuid import uuid4

import pytest

from ovpo.foundation.clickhouse.connect import DatabaseError, session
from ovpo.foundation.clickhouse.migrate import Migration, MigrationError, migrate, missing, read
from ovpo.foundation.settings.tree import Settings

FIRST = Migration("0001_first", "CREATE TABLE first (x UInt8) ENGINE = MergeTree ORDER BY x")
SECOND = Migration("0002_second", "ALTER TABLE first ADD COLUMN y UInt8")


def test_each_migration_is_applied_once_and_in_order(settings: Settings) -> None:
    clickhouse = settings.clickhouse.model_copy(update={"database": f"t_{uuid4().hex}"})
    assert migrate(clickhouse, [FIRST]) == ["0001_first"]
    assert migrate(clickhouse, [FIRST, SECOND]) == ["0002_second"]
    assert migrate(clickhouse, [FIRST, SECOND]) == []
    with session(clickhouse) as client:
        assert client.query(
            "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'first'"
        ).result_rows == [("x",), ("y",)]


def test_a_failed_migration_is_not_recorded_and_is_tried_again(settings: Settings) -> None:
    clickhouse = settings.clickhouse.model_copy(update={"database": f"t_{uuid4().hex}"})
    with pytest.raises(DatabaseError):
        migrate(clickhouse, [Migration("0001_first", "CREATE TABLE broken (")])
    assert migrate(clickhouse, [FIRST]) == ["0001_first"]


def test_a_migration_that_was_changed_after_it_was_applied_is_refused() -> None:
    with pytest.raises(MigrationError, match="0001_first was changed"):
        missing([FIRST], {"0001_first": "another digest"})


def test_the_committed_migrations_hold_one_statement_each_in_numbered_order() -> None:
    names = [migration.name for migration in read()]
    assert names == sorted(names)
    assert all(";" not in migration.statement for migration in read())
    assert [name[:4] for name in names] == [f"{number:04}" for number in range(1, len(names) + 1)]
