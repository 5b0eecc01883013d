# SPDX-License-Identifier: Apache-2.0
"""Whoever connects may add records and read those it may see; nobody changes one, by whatever door."""

from datetime import UTC, datetime

import psycopg
import pytest

from ovpo.foundation.postgres.connect import SEE_TENANT, admin_conninfo
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.governance.audit.chain import append
from tests.integration.governance.chains import Chain, entry

DENIED = psycopg.errors.InsufficientPrivilege
ROLES = [PostgresRole.COLLECT, PostgresRole.PROCESS, PostgresRole.QUERY, PostgresRole.GOVERN, PostgresRole.MIGRATE]
APPLICATION = [PostgresRole.COLLECT, PostgresRole.PROCESS, PostgresRole.QUERY, PostgresRole.GOVERN]
CHANGES = ["UPDATE {} SET tenant_id = tenant_id", "DELETE FROM {}", "TRUNCATE {}"]


@pytest.fixture
def chain(settings: Settings) -> Chain:
    made = Chain.new(settings)
    made.append(2)
    made.seal()
    return made


def month(chain: Chain) -> str:
    return f"audit_log_{chain.records()[0].timestamp:%Y%m}"


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("role", ROLES)
def test_no_role_changes_or_removes_records_or_seals(chain: Chain, role: PostgresRole, change: str) -> None:
    for table in ("audit_log", month(chain), "audit_seals"):
        with chain.connection(role) as connection, pytest.raises(DENIED):
            connection.execute(change.format(table).encode())
    assert chain.verify().records == 2


@pytest.mark.parametrize("change", CHANGES)
def test_not_even_a_superuser_does_while_the_triggers_are_on(chain: Chain, change: str) -> None:
    dsn = admin_conninfo(chain.settings.postgres, chain.settings.postgres.database)
    for table in ("audit_log", month(chain), "audit_seals"):
        with psycopg.connect(dsn) as connection, pytest.raises(DENIED, match="only ever added"):
            connection.execute(change.format(table).encode())
    with psycopg.connect(dsn) as connection, pytest.raises(DENIED, match="only ever added"):
        connection.execute(
            f"MERGE INTO {month(chain)} AS m USING audit_heads AS h ON m.tenant_id = h.tenant_id "
            "WHEN MATCHED THEN DELETE".encode()
        )


@pytest.mark.parametrize("role", APPLICATION)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_heads SET seq = 0",
        "DELETE FROM audit_heads",
        "INSERT INTO audit_heads (tenant_id) VALUES ('x')",
        "SELECT open_audit_month(now(), true)",
        "ALTER TABLE audit_log DISABLE TRIGGER ALL",
        "DROP TABLE audit_log",
        "SET session_replication_role = replica",
        "CREATE TRIGGER mine BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()",
    ],
)
def test_no_application_role_reaches_heads_months_or_triggers(chain: Chain, role: PostgresRole, statement: str) -> None:
    with chain.connection(role) as connection, pytest.raises(DENIED):
        connection.execute(statement.encode())


@pytest.mark.parametrize("role", APPLICATION)
def test_a_month_is_no_door_around_the_log(chain: Chain, role: PostgresRole) -> None:
    for statement in ("SELECT * FROM {}", "INSERT INTO {0} SELECT * FROM {0}"):
        with chain.connection(role) as connection, pytest.raises(DENIED):
            connection.execute(statement.format(month(chain)).encode())


def test_the_query_role_reads_and_writes_its_own_tenant_only(chain: Chain) -> None:
    other = Chain.new(chain.settings)
    other.append()
    with chain.connection(PostgresRole.QUERY) as connection:
        connection.execute(SEE_TENANT, (chain.tenant,))
        assert [record.seq for record in append(connection, chain.tenant, [entry()])] == [3]
        seen = connection.execute("SELECT DISTINCT tenant_id FROM audit_log").fetchall()
        assert seen == [(chain.tenant,)]
    with chain.connection(PostgresRole.QUERY) as connection:
        connection.execute(SEE_TENANT, (chain.tenant,))
        with pytest.raises(DENIED, match="of another tenant"):
            append(connection, other.tenant, [entry()])
    with chain.connection(PostgresRole.QUERY) as connection:
        assert connection.execute("SELECT count(*) FROM audit_log").fetchone() == (0,)
        with pytest.raises(DENIED, match="of another tenant"):
            append(connection, chain.tenant, [entry()])


def test_the_query_role_cannot_write_another_tenants_record_past_the_writer(chain: Chain) -> None:
    statement = """
        INSERT INTO audit_log SELECT gen_random_uuid(), 3, 'USER_LOGIN', 'x', NULL, %s, 'x', 'x', now(), '{}',
                                     sha256('x'), sha256('y')
    """
    with chain.connection(PostgresRole.QUERY) as connection:
        connection.execute(SEE_TENANT, ("another",))
        with pytest.raises(DENIED, match="row-level security"):
            connection.execute(statement, (chain.tenant,))
    assert chain.verify().is_sound


@pytest.mark.parametrize("role", [PostgresRole.PROCESS, PostgresRole.GOVERN, PostgresRole.MIGRATE])
def test_the_other_writers_write_for_every_tenant(chain: Chain, role: PostgresRole) -> None:
    assert [record.seq for record in chain.append(2, role)] == [3, 4]
    assert chain.verify().is_sound


def test_the_collector_has_no_part_in_it(chain: Chain) -> None:
    for table in ("audit_log", "audit_heads", "audit_seals"):
        with chain.connection(PostgresRole.COLLECT) as connection, pytest.raises(DENIED):
            connection.execute(f"SELECT * FROM {table}".encode())
    with pytest.raises(DENIED):
        chain.append(1, PostgresRole.COLLECT)


def test_a_temporary_table_cannot_stand_in_for_a_month(chain: Chain) -> None:
    chain.tamper(
        "UPDATE audit_heads SET recorded_at = %s WHERE tenant_id = %s", datetime(2033, 7, 1, tzinfo=UTC), chain.tenant
    )
    with chain.connection(PostgresRole.PROCESS) as connection:
        connection.execute("CREATE TEMPORARY TABLE audit_log_203307 (LIKE audit_log)")
        append(connection, chain.tenant, [entry()])
    assert chain.verify().records == 3
