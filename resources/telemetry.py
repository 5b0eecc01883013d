# SPDX-License-Identifier: Apache-2.0
"""What the stores hold of telemetry as a resource. What a session can tell is the telemetry wing's own business."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from ovpo.foundation.settings.tree import Settings
from ovpo.telemetry.rollups.session import Session, open_session


class Telemetry(dg.ConfigurableResource["Telemetry"]):
    """Traces, spans and frame events of every tenant, in PostgreSQL and ClickHouse."""

    settings: dg.ResourceDependency[Settings]

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Lend a session inside one transaction, which is kept unless the caller raises."""
        with open_session(self.settings.postgres, self.settings.clickhouse) as session:
            yield session
