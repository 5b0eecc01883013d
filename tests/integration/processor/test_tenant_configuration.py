# SPDX-License-Identifier: Apache-2.0
"""What is configured of a tenant holds for its traces: the accelerator to count, legal hold from the first sight."""

from uuid import uuid4

import psycopg

from ovpo.foundation.postgres.connect import conninfo
from ovpo.foundation.settings.tree import PostgresRole, Settings
from tests.integration.collector.batches import new_id, span, trace
from tests.integration.processor.conftest import Kept, Processor, queue_up, settled


def tenant_of(settings: Settings, hardware_profile: str | None, *, legal_hold: bool = False) -> str:
    name = f"t-{uuid4().hex}"
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        connection.execute(
            "INSERT INTO tenants (tenant_id, name, hardware_profile, legal_hold_default) VALUES (%s, %s, %s, %s)",
            (name, name, hardware_profile, legal_hold),
        )
    return name


def test_a_span_that_names_no_accelerator_counts_as_its_tenants_profile_says(
    processor: Processor, settings: Settings, kept: Kept
) -> None:
    tenant, one = tenant_of(settings, "h100"), new_id()
    spans = [
        span(one, duration_ms=10_000),
        span(one, duration_ms=10_000, attributes={"gpu.model": "a100_40gb"}),
        span(one, duration_ms=10_000, attributes={"gpu.model": "abacus"}),
    ]
    queue_up(settings.broker, trace(one, tenant_id=tenant), *spans, tenant=tenant)
    summary = settled(kept, one, lambda found: bool(found["spans"] == 3))
    assert summary["compute_units"] == 40.0 + 25.0 + 10.0
    assert summary["unknown_hardware"] == 1


def test_a_profile_that_the_file_of_factors_does_not_know_counts_as_unknown(
    processor: Processor, settings: Settings, kept: Kept
) -> None:
    tenant, one = tenant_of(settings, "tpu_v9"), new_id()
    spans = [span(one, duration_ms=10_000), span(one, duration_ms=10_000, attributes={"gpu.model": "h100"})]
    queue_up(settings.broker, trace(one, tenant_id=tenant), *spans, tenant=tenant)
    summary = settled(kept, one, lambda found: bool(found["spans"] == 2))
    assert (summary["compute_units"], summary["unknown_hardware"]) == (50.0, 1)


def test_a_new_trace_is_under_legal_hold_where_its_tenant_is_configured_so_and_an_old_one_stays_as_it_was(
    processor: Processor, settings: Settings, kept: Kept
) -> None:
    held, free = tenant_of(settings, None, legal_hold=True), tenant_of(settings, None)
    traces = {tenant: new_id() for tenant in (held, free)}
    for tenant, one in traces.items():
        queue_up(settings.broker, trace(one, tenant_id=tenant), tenant=tenant)
        settled(kept, one)
    rows = [kept.trace(one, tenant) for tenant, one in traces.items()]
    assert [row and row["legal_hold"] for row in rows] == [True, False]
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        connection.execute("UPDATE tenants SET legal_hold_default = false WHERE tenant_id = %s", (held,))
    queue_up(settings.broker, span(traces[held]), tenant=held)
    settled(kept, traces[held], lambda found: bool(found["spans"] == 1))
    row = kept.trace(traces[held], held)
    assert row is not None
    assert row["legal_hold"] is True
