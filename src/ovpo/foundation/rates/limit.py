# SPDX-License-Identifier: Apache-2.0
"""How fast a tenant may ask: the budget of its tier, and where it stands in it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Final

from psycopg_pool import ConnectionPool

from ovpo.foundation.cache import Budget
from ovpo.foundation.postgres.connect import tenant_transaction
from ovpo.foundation.rates.tiers import Tier
from ovpo.foundation.remembered import Remembered
from ovpo.foundation.shortcut import Shortcut

TIER_OF: Final = "SELECT tier FROM tenants WHERE tenant_id = %s"
TIER_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a tenant stands in its budget, in the numbers that it is told; seconds are rounded up."""

    granted: bool
    limit: int
    remaining: int
    reset_seconds: int
    retry_after_seconds: int


class RateLimit:
    """Takes from the budget of a tenant, whichever process of a service it asks."""

    def __init__(self, name: str, budgets: Mapping[Tier, Budget], pool: ConnectionPool, shortcut: Shortcut) -> None:
        self._name = name
        self._budgets = budgets
        self._pool = pool
        self._shortcut = shortcut
        self._tiers = Remembered(self._tier, TIER_SECONDS)

    async def take(self, tenant_id: str) -> Standing:
        """Let one request pass, or say when to come again; while Valkey is away every request passes."""
        budget = self._budgets[await self._tiers.get(tenant_id)]
        allowance = await self._shortcut.take(f"{self._name}-rate:{tenant_id}", budget)
        if allowance is None:
            return Standing(
                granted=True, limit=budget.burst, remaining=budget.burst, reset_seconds=0, retry_after_seconds=0
            )
        return Standing(
            granted=allowance.granted,
            limit=allowance.limit,
            remaining=allowance.remaining,
            reset_seconds=_seconds(allowance.full_in),
            retry_after_seconds=max(1, _seconds(allowance.retry_after)),
        )

    async def _tier(self, tenant_id: str) -> Tier:
        return await asyncio.to_thread(self._row, tenant_id)

    def _row(self, tenant_id: str) -> Tier:
        with tenant_transaction(self._pool, tenant_id) as connection:
            row = connection.execute(TIER_OF, (tenant_id,)).fetchone()
        return Tier(row[0]) if row else Tier.FREE


def _seconds(time: timedelta) -> int:
    return ceil(time.total_seconds())
