# SPDX-License-Identifier: Apache-2.0
"""Both stores at once, for as long as something is looked at: what the assets ask, each a call of its module."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

import polars as pl
import psycopg
from clickhouse_connect.driver.client import Client

from ovpo.foundation.clickhouse import connect as clickhouse
from ovpo.foundation.postgres import connect as postgres
from ovpo.foundation.settings.tree import ClickHouse, Postgres, PostgresRole
from ovpo.telemetry.processor.statements import MARK
from ovpo.telemetry.rollups import adding_up, daily, frame_order, landing, samples
from ovpo.telemetry.rollups.health import health
from ovpo.telemetry.rollups.hourly import hourly
from ovpo.telemetry.rollups.seen import seen
from ovpo.telemetry.rollups.window import FACTS_KEPT, FRAMES_KEPT, Window

AT_ONCE: Final = timedelta(0)


class Session:
    """Reads of every tenant, inside one transaction of PostgreSQL; one per thread."""

    def __init__(self, connection: psycopg.Connection, client: Client) -> None:
        self._connection = connection
        self._client = client

    def landed(self, window: Window) -> landing.Landed:
        """Look at what landed of traces and spans."""
        return landing.landed(self._connection, self._client, window)

    def frames_landed(self, window: Window) -> landing.FramesLanded:
        """Look at what landed of frame events."""
        return landing.frames_landed(self._client, window)

    def overdue(self, now: datetime, before: datetime) -> pl.DataFrame:
        """List the marks that should have been settled before a moment."""
        return landing.overdue(self._connection, now, before)

    def health(self, window: Window, now: datetime) -> pl.DataFrame:
        """Say how complete each trace of a window is."""
        window.must_be_kept(FRAMES_KEPT, now)
        return health(seen(self._connection, self._client, window))

    def settle_again(self, table: pl.DataFrame) -> int:
        """Mark the forgotten traces of a health table for settling; say how many. A mark that is there stays one."""
        forgotten = table.filter("forgotten")
        given = {"tenants": forgotten["tenant_id"].to_list(), "traces": forgotten["trace_id"].to_list()}
        if forgotten.height:
            self._connection.execute(MARK, {**given, "after": AT_ONCE})
        return forgotten.height

    def hourly(self, window: Window, now: datetime) -> pl.DataFrame:
        """Add the traces of a window up by hour, tenant and model."""
        window.must_be_kept(FRAMES_KEPT, now)
        return hourly(self._client, window, now)

    def costs(self, window: Window, now: datetime) -> pl.DataFrame:
        """Add compute units up by day and whom they are put down to."""
        window.must_be_kept(FACTS_KEPT, now)
        return daily.costs(self._client, window, now)

    def quality(self, window: Window, now: datetime) -> pl.DataFrame:
        """Give the mean of each quality metric by day and model."""
        window.must_be_kept(FRAMES_KEPT, now)
        return daily.quality(self._client, window, now)

    def hours(self, window: Window) -> pl.DataFrame:
        """Add the facts of a window up by hour."""
        return daily.hours(self._client, window)

    def frame_sample(self, window: Window) -> pl.DataFrame:
        """Read some raw frame events of a window."""
        return samples.frame_sample(self._client, window)

    def out_of_order(self, window: Window) -> pl.DataFrame:
        """List the traces of a window whose frame events break an invariant."""
        return frame_order.out_of_order(self._client, window)

    def raw(self, window: Window, counted_at: datetime) -> pl.DataFrame:
        """Count the raw rows of a window, and say what of it grew since a moment."""
        return adding_up.raw(self._connection, self._client, window, counted_at)


@contextmanager
def open_session(of_postgres: Postgres, of_clickhouse: ClickHouse) -> Iterator[Session]:
    """Lend a session; what it marked is kept unless the caller raises."""
    with (
        postgres.lend(of_postgres, PostgresRole.PROCESS) as connection,
        clickhouse.session(of_clickhouse) as client,
    ):
        yield Session(connection, client)
