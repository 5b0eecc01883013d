# SPDX-License-Identifier: Apache-2.0
"""The platform's stores as a resource: a look at all of them, and what the looks say."""

import asyncio
from datetime import datetime
from uuid import UUID

import dagster as dg
import polars as pl

from ovpo.foundation.inspection import observations, stores
from ovpo.foundation.inspection.stores import Observation
from ovpo.foundation.settings.tree import PostgresRole, Settings


class Stores(dg.ConfigurableResource["Stores"]):
    """PostgreSQL, ClickHouse, broker, cache and objects, each asked whether it answers."""

    settings: dg.ResourceDependency[Settings]

    def observe(self, look_id: UUID, now: datetime) -> list[Observation]:
        """Look at every store and keep what was seen; raises when it cannot be kept."""
        asked = stores.stores(self.settings, PostgresRole.PROCESS)
        seen = asyncio.run(stores.look(asked, look_id, now, self.settings.platform.store_deadline_seconds))
        observations.keep(self.settings.clickhouse, seen)
        return seen

    def newest_look(self) -> list[Observation]:
        """Give what the newest look saw: nothing when none was ever taken."""
        return observations.newest_look(self.settings.clickhouse)

    def by_hour(self, first: datetime, end: datetime) -> pl.DataFrame:
        """Sum up the looks of every hour from first to before end."""
        return observations.by_hour(self.settings.clickhouse, first, end)
