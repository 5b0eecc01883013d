# SPDX-License-Identifier: Apache-2.0
"""The settings tree as a resource: read when a run or a tick begins, never while definitions load.

The other resources depend on it rather than take addresses as fields, because Dagster shows the values of fields.
"""

import dagster as dg

from ovpo.foundation.settings.load import load
from ovpo.foundation.settings.tree import Settings


class Configuration(dg.ConfigurableResource[Settings]):
    """Every setting of OVPO, from the environment, `.env`, `ovpo.toml` and the generated secrets."""

    def create_resource(self, context: dg.InitResourceContext) -> Settings:  # noqa: ARG002
        """Read and check the settings."""
        return load()
