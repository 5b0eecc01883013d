# SPDX-License-Identifier: Apache-2.0
"""`platform/audit_sealed` against real chains: each is sealed in both stores, and the check shows what was bent."""

import dagster as dg
import psycopg
import pytest

from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.postgres.connect import admin_conninfo
from ovpo.foundation.settings.tree import Settings
from ovpo.governance.audit.seal import object_key, read
from tests.integration.governance.chains import Chain
from tests.runs.conftest import Perform, checks, sample

JOB = "seal_audit"
pytestmark = pytest.mark.filterwarnings("error::DeprecationWarning:ovpo_assets")


@pytest.fixture
def chain(settings: Settings) -> Chain:
    """Make one chain, with no others beside it."""
    with psycopg.connect(admin_conninfo(settings.postgres, settings.postgres.database)) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("TRUNCATE audit_log, audit_heads, audit_seals")
    objects = open_objects(settings.objects, settings.query, settings.home)
    for info in list(objects.list("audit/seals/")):
        objects.delete(info.key)
    made = Chain.new(settings)
    made.append(5)
    return made


def numbers(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    (event,) = result.get_asset_materialization_events()
    return {name: value.value for name, value in event.materialization.metadata.items()}


def test_every_chain_is_sealed_in_both_stores_and_the_check_passes(chain: Chain, perform: Perform) -> None:
    another = Chain.new(chain.settings)
    another.append(2)
    result = perform(JOB)
    assert checks(result)["chains_hold"].passed
    assert numbers(result) == {"chains": 2, "seals_made": 2, "filed_late": 0, "records_sealed": 7}
    with another.connection() as connection:
        rows = connection.execute("SELECT tenant_id, seq FROM audit_seals ORDER BY seq").fetchall()
    assert rows == [(another.tenant, 2), (chain.tenant, 5)]
    filed = read(chain.objects.get(object_key(chain.tenant, chain.seal().seals[0].day)))
    assert (filed.seq, filed.record_hash) == (5, chain.records()[-1].record_hash)


def test_a_repeated_run_seals_nothing_twice_and_what_came_meanwhile_once(chain: Chain, perform: Perform) -> None:
    perform(JOB)
    assert numbers(perform(JOB))["seals_made"] == 0
    chain.append()
    assert numbers(perform(JOB)) == {"chains": 1, "seals_made": 1, "filed_late": 0, "records_sealed": 6}


def test_the_check_names_the_broken_record_as_an_error_and_blocks_nothing(chain: Chain, perform: Perform) -> None:
    chain.tamper("UPDATE audit_log SET actor_id = 'x' WHERE tenant_id = %s AND seq = 3", chain.tenant)
    result = perform(JOB)
    assert result.success
    verdict = checks(result)["chains_hold"]
    assert (verdict.passed, verdict.severity, verdict.blocking) == (False, dg.AssetCheckSeverity.ERROR, False)
    (row,) = sample(verdict)
    assert (row["tenant"], row["kind"], row["seq"]) == (chain.tenant, "changed", "3")
    assert row["audit_id"] == str(chain.records()[2].audit_id)


def test_a_day_before_there_is_any_chain_is_a_good_day(chain: Chain, perform: Perform) -> None:
    for table in ("audit_log", "audit_heads"):
        chain.tamper(f"DELETE FROM {table} WHERE tenant_id = %s", chain.tenant)
    result = perform(JOB)
    assert numbers(result)["chains"] == 0
    assert checks(result)["chains_hold"].passed


def test_nothing_that_a_record_says_is_shown(chain: Chain, perform: Perform) -> None:
    result = perform(JOB)
    shown = f"{result.get_asset_materialization_events()} {result.get_asset_check_evaluations()}"
    assert "chains" in shown
    assert "abcd1234" not in shown
