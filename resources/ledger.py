# SPDX-License-Identifier: Apache-2.0
"""The work ledger as a resource. What a session can do is the ledger's own business."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from ovpo.foundation.ledger.session import Session
from ovpo.foundation.postgres.connect import lend
from ovpo.foundation.settings.tree import PostgresRole, Settings


class Ledger(dg.ConfigurableResource["Ledger"]):
    """Which item of work is where; sees every tenant, as the role `ovpo_process`."""

    settings: dg.ResourceDependency[Settings]

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Lend a session inside one transaction, which is kept unless the caller raises."""
        with lend(self.settings.postgres, PostgresRole.PROCESS) as connection:
            yield Session(connection)
