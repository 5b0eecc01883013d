# SPDX-License-Identifier: Apache-2.0
"""The audit chains as a resource: sealed, and looked at. What a seal is and what breaks a chain is governance's."""

from datetime import datetime

import dagster as dg

from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.store import ObjectStore
from ovpo.foundation.postgres.connect import lend
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.governance.audit import sealing, verifying
from ovpo.governance.audit.keys import load_keys
from ovpo.governance.audit.sealing import Sealing
from ovpo.governance.audit.verifying import Verdict


class Audit(dg.ConfigurableResource["Audit"]):
    """The chains of every tenant, as the role `ovpo_process`."""

    settings: dg.ResourceDependency[Settings]

    def seal(self, now: datetime) -> Sealing:
        """Seal every chain, in the database and in the object store."""
        with lend(self.settings.postgres, PostgresRole.PROCESS) as connection:
            return sealing.seal(connection, self._objects(), load_keys(self.settings.audit), now)

    def verify_recent(self) -> list[Verdict]:
        """Verify of every chain what came since the seal of the day before."""
        keys, objects = load_keys(self.settings.audit), self._objects()
        with lend(self.settings.postgres, PostgresRole.PROCESS) as connection:
            tenants = verifying.tenants(connection, objects)
            return [verifying.verify(connection, objects, keys, tenant, recent=True) for tenant in tenants]

    def _objects(self) -> ObjectStore:
        return open_objects(self.settings.objects, self.settings.query, self.settings.home)
