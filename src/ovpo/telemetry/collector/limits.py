# SPDX-License-Identifier: Apache-2.0
"""How fast a tenant may send: the budget of its tier, and where it stands in it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from importlib.resources import files
from math import ceil
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from psycopg_pool import ConnectionPool

from ovpo.foundation.cache import Budget
from ovpo.foundation.postgres.connect import tenant_transaction
from ovpo.foundation.settings.faults import SettingsError
from ovpo.telemetry.collector.remembered import Remembered
from ovpo.telemetry.collector.shortcut import Shortcut

TIER_OF: Final = "SELECT tier FROM tenants WHERE tenant_id = %s"
TIER_SECONDS: Final = 30.0
_PACKAGED: Final = files("ovpo.telemetry.collector") / "tiers.toml"
_TAKES: Final = (
    "each of free, pro and enterprise takes a section [<tier>.ingest] of requests, per_seconds and burst, "
    "whole numbers of at least 1"
)
_Number = Annotated[int, Meta(ge=1, le=1_000_000_000)]


class Tier(StrEnum):
    """What a tenant may use; the table of tenants takes the same three."""

    FREE = "free"
    PRO = "pro"
    ENTERPRISE = "enterprise"


class _Rate(Struct, frozen=True, forbid_unknown_fields=True):
    requests: _Number
    per_seconds: _Number
    burst: _Number


class _Rates(Struct, frozen=True, forbid_unknown_fields=True):
    ingest: _Rate


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    free: _Rates
    pro: _Rates
    enterprise: _Rates


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a tenant stands in its budget, in the numbers that it is told; seconds are rounded up."""

    granted: bool
    limit: int
    remaining: int
    reset_seconds: int
    retry_after_seconds: int


def load_tiers(given: Path | None) -> Mapping[Tier, Budget]:
    """Read the budgets of all tiers from a file, or from the packaged one."""
    source = given or _PACKAGED
    try:
        read = msgspec.toml.decode(source.read_bytes(), type=_File)
    except (OSError, msgspec.DecodeError, ValueError) as error:
        raise SettingsError([f"OVPO_COLLECTOR__TIERS: {source}: {error}; {_TAKES}"]) from None
    rates = {Tier.FREE: read.free, Tier.PRO: read.pro, Tier.ENTERPRISE: read.enterprise}
    return {tier: _budget(of.ingest) for tier, of in rates.items()}


class RateLimit:
    """Takes from the budget of a tenant, whichever collector it asks."""

    def __init__(self, budgets: Mapping[Tier, Budget], pool: ConnectionPool, shortcut: Shortcut) -> None:
        self._budgets = budgets
        self._pool = pool
        self._shortcut = shortcut
        self._tiers = Remembered(self._tier, TIER_SECONDS)

    async def take(self, tenant_id: str) -> Standing:
        """Let one request pass, or say when to come again; while Valkey is away every request passes."""
        budget = self._budgets[await self._tiers.get(tenant_id)]
        allowance = await self._shortcut.take(f"ingest-rate:{tenant_id}", budget)
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


def _budget(rate: _Rate) -> Budget:
    return Budget(rate.requests, timedelta(seconds=rate.per_seconds), rate.burst)


def _seconds(time: timedelta) -> int:
    return ceil(time.total_seconds())
