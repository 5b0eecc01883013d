# SPDX-License-Identifier: Apache-2.0
"""Inspections as work in the ledger: asked for by a caller, done by a run, found again by their id."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg_pool import ConnectionPool

from ovpo.foundation.inspection import observations
from ovpo.foundation.inspection.stores import Observation
from ovpo.foundation.ledger.items import Arrival, Item
from ovpo.foundation.ledger.session import Session
from ovpo.foundation.postgres.connect import tenant_transaction
from ovpo.foundation.settings.tree import ClickHouse

LANE = "inspections"


@dataclass(frozen=True, slots=True)
class Inspection:
    """A request for a look, and what the look saw once it was taken."""

    item: Item
    report: tuple[Observation, ...]


def request(pool: ConnectionPool, tenant_id: str, item_id: UUID, asked_by: str, now: datetime) -> Item:
    """Enter a request; a run will take it up."""
    arrival = Arrival(tenant_id, subject=f"asked for by key {asked_by}", digest=str(item_id))
    with tenant_transaction(pool, tenant_id) as connection:
        return Session(connection).register(LANE, [(item_id, arrival)], now)[0]


def find(pool: ConnectionPool, clickhouse: ClickHouse, tenant_id: str, item_id: UUID) -> Inspection | None:
    """Look a request of the tenant up, with its report if there is one."""
    with tenant_transaction(pool, tenant_id) as connection:
        item = Session(connection).find(LANE, item_id)
    if item is None:
        return None
    report = observations.of_look(clickhouse, UUID(item.result)) if item.result else []
    return Inspection(item, tuple(report))
