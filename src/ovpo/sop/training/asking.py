# SPDX-License-Identifier: Apache-2.0
"""Asking for a training, and what became of it. A run does it; nobody waits for it here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import scalar_row

from ovpo.foundation.ledger.items import Arrival, Item
from ovpo.foundation.ledger.session import Session
from ovpo.sop.records.adapters import Adapters
from ovpo.sop.records.rows import StoredAdapter
from ovpo.sop.working import TRAIN

QUEUED: Final = """
SELECT item_id FROM ledger_items
WHERE lane = %s AND tenant_id = %s AND state = 'queued' ORDER BY registered_at, item_id LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Training:
    """A training that was asked for; its item's reason says what was decided or why there was nothing to do."""

    item: Item
    adapter: StoredAdapter | None
    """What it made, and what that is by now."""


def ask(connection: psycopg.Connection, tenant_id: str, asked_by: str, now: datetime) -> Item:
    """Enter a request, such as of `key:abcd1234`; who asks while one waits to be taken up shares that one."""
    session = Session(connection)
    with connection.cursor(row_factory=scalar_row) as cursor:
        waiting = cursor.execute(QUEUED, (TRAIN, tenant_id)).fetchone()
    if waiting is not None and (found := session.find(TRAIN, waiting)) is not None:
        return found
    item_id = uuid4()
    return session.register(TRAIN, [(item_id, Arrival(tenant_id, asked_by, str(item_id)))], now)[0]


def find(connection: psycopg.Connection, tenant_id: str, item_id: UUID) -> Training | None:
    """Look a tenant's request up."""
    item = Session(connection).find(TRAIN, item_id)
    if item is None or item.tenant_id != tenant_id:
        return None
    return Training(item, Adapters(connection).find(tenant_id, item.result) if item.result else None)
