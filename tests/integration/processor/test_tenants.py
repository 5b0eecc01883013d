# SPDX-License-Identifier: Apache-2.0
"""Whose rows a role sees, and in which partition they lie."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql

from ovpo.foundation.postgres.connect import SEE_TENANT, conninfo
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.telemetry.processor.statements import OPEN_MONTH
from tests.integration.collector.batches import event, new_id, span, trace
from tests.integration.collector.conftest import until
from tests.integration.processor.conftest import Kept, queue_up, settled

OURS, OTHERS = "tenant-a", "tenant-b"
READABLE = {"traces", "trace_records", "spans", "trace_summaries", "refused_items"}
KEPT = """
SELECT c.relname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attname = 'tenant_id'
ORDER BY c.relname
"""


@pytest.fixture(scope="module")
def tables(settings: Settings, processor: object) -> list[str]:
    """Give every table with tenants, in which tenant A has rows of all that telemetry is kept in."""
    one, kept = new_id(), Kept(settings)
    first, second = span(one), span(one, name="another")
    second["span_id"] = first["span_id"]
    queue_up(settings.broker, trace(one, OURS), first, second, event(one, 0), tenant=OURS)
    settled(kept, one)
    for table in READABLE:
        assert count(settings, table, PostgresRole.PROCESS, None, OURS), table
    return [row["relname"] for row in kept.rows(KEPT)]


def count(settings: Settings, table: str, role: PostgresRole, tenant: str | None, of: str) -> int | None:
    """Count a tenant's rows that a role sees as a tenant; None where it may not look at all."""
    statement = sql.SQL("SELECT count(*) FROM {} WHERE tenant_id = %s").format(sql.Identifier(table))
    with psycopg.connect(conninfo(settings.postgres, role)) as connection:
        if tenant is not None:
            connection.execute(SEE_TENANT, (tenant,))
        try:
            [found] = connection.execute(statement, (of,)).fetchone() or (0,)
        except psycopg.errors.InsufficientPrivilege:
            return None
    return int(found)


def test_the_catalogue_knows_every_table_of_telemetry_and_its_partitions(tables: list[str]) -> None:
    month = f"{datetime.now(UTC):%Y%m}"
    assert {*READABLE, "unsettled_traces", f"spans_{month}", f"trace_records_{month}"} <= set(tables)


@pytest.mark.parametrize("role", [PostgresRole.QUERY, PostgresRole.COLLECT])
@pytest.mark.parametrize("tenant", [OTHERS, None, ""])
def test_nobody_sees_the_rows_of_another_tenant(
    settings: Settings, tables: list[str], role: PostgresRole, tenant: str | None
) -> None:
    seen = {table: count(settings, table, role, tenant, OURS) for table in tables}
    assert {table: found for table, found in seen.items() if found} == {}


def test_queries_see_the_rows_of_their_own_tenant(settings: Settings, tables: list[str]) -> None:
    seen = {table for table in tables if count(settings, table, PostgresRole.QUERY, OURS, OURS)}
    assert seen == READABLE


def test_every_table_with_tenants_has_row_security_or_nobody_but_its_owner(
    settings: Settings, kept: Kept, tables: list[str]
) -> None:
    rows = kept.rows("SELECT relname, relrowsecurity, relispartition FROM pg_class WHERE relname = ANY (%s)", tables)
    assert {row["relname"] for row in rows if not row["relrowsecurity"] and not row["relispartition"]} == set()
    for table in (row["relname"] for row in rows if row["relispartition"]):
        for role in (PostgresRole.QUERY, PostgresRole.COLLECT, PostgresRole.PROCESS):
            assert count(settings, table, role, OURS, OURS) is None, (table, role)


@pytest.mark.parametrize("table", sorted(READABLE | {"unsettled_traces"}))
@pytest.mark.parametrize("role", [PostgresRole.QUERY, PostgresRole.COLLECT])
def test_nobody_but_the_processor_writes(settings: Settings, tables: list[str], table: str, role: PostgresRole) -> None:
    name = sql.Identifier(table)
    writes = [
        sql.SQL("INSERT INTO {} (tenant_id) VALUES ('any')").format(name),
        sql.SQL("UPDATE {} SET tenant_id = tenant_id").format(name),
        sql.SQL("DELETE FROM {}").format(name),
        sql.SQL("TRUNCATE {}").format(name),
    ]
    for write in writes:
        with psycopg.connect(conninfo(settings.postgres, role)) as connection:
            connection.execute(SEE_TENANT, (OURS,))
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(write)


def test_what_is_first_heard_of_in_another_month_lies_in_its_partitions(
    settings: Settings, kept: Kept, tables: list[str]
) -> None:
    one, then = new_id(), datetime(2026, 8, 31, 23, 59, 59, 999_999, UTC)
    assert "spans_202608" not in tables
    queue_up(settings.broker, span(one), event(one, 0), received_at=then)
    settled(kept, one)
    queue_up(settings.broker, trace(one), span(one), event(one, 1), received_at=datetime(2026, 9, 1, tzinfo=UTC))
    settled(kept, one, lambda found: bool(found["spans"] == found["frame_events"] == 2))
    where = "SELECT tableoid::regclass::text AS part FROM {} WHERE trace_id = %s"
    parts = [row["part"] for table in ("spans", "trace_records") for row in kept.rows(where.format(table), one)]
    assert parts == ["spans_202608", "spans_202608", "trace_records_202608"]
    statement = "SELECT _partition_id FROM frame_events WHERE trace_id = {trace:UUID}"
    assert kept.clickhouse().query(statement, {"trace": one}).result_rows == [("202608",)] * 2
    assert (kept.trace(one) or {})["seen_at"] == then


def test_a_month_that_many_open_at_once_is_made_once(settings: Settings, kept: Kept, tables: list[str]) -> None:
    moment = datetime(2027, 3, 1, tzinfo=UTC)

    def open_month(_: int) -> None:
        with psycopg.connect(conninfo(settings.postgres, PostgresRole.PROCESS)) as connection:
            connection.execute(OPEN_MONTH, (moment,))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(open_month, range(16)))
    statement = "SELECT count(*) AS parts FROM pg_class WHERE relname IN ('spans_202703', 'trace_records_202703')"
    assert kept.rows(statement) == [{"parts": 2}]


def test_a_trace_of_two_tenants_is_two_traces(settings: Settings, kept: Kept, tables: list[str]) -> None:
    one = new_id()
    queue_up(settings.broker, trace(one, OURS), *(event(one, index) for index in range(3)), tenant=OURS)
    queue_up(settings.broker, trace(one, OTHERS, status="GENERATING"), event(one, 0), tenant=OTHERS)
    statement = "SELECT tenant_id, frame_events, frames FROM trace_summaries WHERE trace_id = %s ORDER BY tenant_id"
    expected = [
        {"tenant_id": OURS, "frame_events": 3, "frames": 3},
        {"tenant_id": OTHERS, "frame_events": 1, "frames": 1},
    ]
    until(lambda: kept.rows(statement, one) == expected or None, "both summaries")
    assert [(kept.trace(one, tenant) or {})["status"] for tenant in (OURS, OTHERS)] == ["COMPLETED", "GENERATING"]
