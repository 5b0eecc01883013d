# SPDX-License-Identifier: Apache-2.0
"""Each role may do its work and nothing else, and sees one tenant only where it should."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from pydantic import SecretStr

from ovpo.foundation.ledger.items import Arrival
from ovpo.foundation.ledger.session import Session
from ovpo.foundation.postgres import bootstrap
from ovpo.foundation.postgres.connect import conninfo, open_pool, tenant_transaction, transaction
from ovpo.foundation.postgres.migrate import migrate, newest_revision
from ovpo.foundation.settings.tree import PostgresRole, Settings

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
DENIED = psycopg.errors.InsufficientPrivilege


@pytest.fixture
def two_tenants(settings: Settings) -> Iterator[tuple[str, str]]:
    names = (f"a-{uuid4().hex}", f"b-{uuid4().hex}")
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        for name in names:
            connection.execute("INSERT INTO tenants (tenant_id, name) VALUES (%s, %s)", (name, name))
    yield names
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        connection.execute("DELETE FROM ledger_items WHERE tenant_id = ANY(%s)", (list(names),))
        connection.execute("DELETE FROM tenants WHERE tenant_id = ANY(%s)", (list(names),))


def test_a_tenant_sees_its_own_rows_and_a_connection_forgets_it_after_the_transaction(
    settings: Settings, two_tenants: tuple[str, str]
) -> None:
    with open_pool(settings.postgres, PostgresRole.QUERY) as pool:
        for tenant in two_tenants:
            with tenant_transaction(pool, tenant) as connection:
                Session(connection).register("rls", [(uuid4(), Arrival(tenant, "s", "d"))], NOW)
        with tenant_transaction(pool, two_tenants[0]) as connection:
            assert connection.execute("SELECT tenant_id FROM ledger_items").fetchall() == [(two_tenants[0],)]
            assert connection.execute("SELECT tenant_id FROM tenants").fetchall() == [(two_tenants[0],)]
        with transaction(pool) as connection:
            assert connection.execute("SELECT count(*) FROM ledger_items").fetchone() == (0,)
            assert connection.execute("SELECT count(*) FROM tenants").fetchone() == (0,)


def test_a_tenant_cannot_write_a_row_of_another(settings: Settings, two_tenants: tuple[str, str]) -> None:
    mine, other = two_tenants
    with open_pool(settings.postgres, PostgresRole.QUERY) as pool, pytest.raises(DENIED):  # noqa: SIM117
        with tenant_transaction(pool, mine) as connection:
            Session(connection).register("rls", [(uuid4(), Arrival(other, "s", "d"))], NOW)


def test_the_processing_role_sees_the_work_of_every_tenant(settings: Settings, two_tenants: tuple[str, str]) -> None:
    with open_pool(settings.postgres, PostgresRole.PROCESS) as pool, transaction(pool) as connection:
        arrivals = [(uuid4(), Arrival(tenant, "s", "d")) for tenant in two_tenants]
        assert len(Session(connection).register("rls_all", arrivals, NOW)) == 2


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        (PostgresRole.QUERY, "UPDATE ledger_items SET state = 'finished'"),
        (PostgresRole.QUERY, "DELETE FROM ledger_items"),
        (PostgresRole.QUERY, "SELECT * FROM api_keys"),
        (PostgresRole.QUERY, "SELECT * FROM ledger_windows"),
        (PostgresRole.QUERY, "CREATE TABLE mine (x int)"),
        (PostgresRole.QUERY, "INSERT INTO tenants VALUES ('x', 'x')"),
        (PostgresRole.COLLECT, "SELECT * FROM ledger_items"),
        (PostgresRole.COLLECT, "SELECT * FROM api_keys"),
        (PostgresRole.COLLECT, "TRUNCATE ledger_items"),
        (PostgresRole.PROCESS, "DELETE FROM ledger_items"),
        (PostgresRole.PROCESS, "SELECT * FROM api_keys"),
        (PostgresRole.PROCESS, "SELECT * FROM api_key_by_prefix('aaaaaaaa')"),
        (PostgresRole.PROCESS, "UPDATE ledger_windows SET revision = 0"),
        (PostgresRole.DAGSTER, "CREATE ROLE another"),
        (PostgresRole.MIGRATE, "CREATE ROLE another"),
    ],
)
def test_a_role_may_not_do_what_is_not_its_work(settings: Settings, role: PostgresRole, statement: str) -> None:
    with psycopg.connect(conninfo(settings.postgres, role)) as connection, pytest.raises(DENIED):
        connection.execute(statement.encode())


def test_dagster_cannot_enter_our_database_nor_we_its(settings: Settings) -> None:
    ours = settings.postgres.database
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(conninfo(settings.postgres, PostgresRole.DAGSTER), dbname=ours)
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(conninfo(settings.postgres, PostgresRole.QUERY), dbname=settings.postgres.dagster_database)


def test_a_wrong_password_is_refused(settings: Settings) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(conninfo(settings.postgres, PostgresRole.QUERY), password="guess")


def test_bootstrap_and_migrations_may_be_repeated(settings: Settings) -> None:
    bootstrap.bootstrap(settings.postgres)
    assert migrate(settings.postgres) == migrate(settings.postgres) == newest_revision()


def test_a_missing_role_password_is_named_with_its_setting(settings: Settings) -> None:
    passwords = settings.postgres.passwords.model_copy(update={"collect": SecretStr("")})
    with pytest.raises(bootstrap.BootstrapError, match="OVPO_POSTGRES__PASSWORDS__COLLECT is empty"):
        bootstrap.bootstrap(settings.postgres.model_copy(update={"passwords": passwords}))
