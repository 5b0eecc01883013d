# SPDX-License-Identifier: Apache-2.0
"""Alerts as a resource: a round of them, and what is to be said of the rules and of what did not arrive."""

from datetime import datetime

import dagster as dg

from ovpo.foundation.settings.tree import Settings
from ovpo.governance.audit.events import Actor
from ovpo.telemetry.alerts import rounds
from ovpo.telemetry.alerts.outbox import GivenUp
from ovpo.telemetry.alerts.rounds import Round


class Alerts(dg.ConfigurableResource["Alerts"]):
    """The rules, the stores that they look at, and those who are told."""

    settings: dg.ResourceDependency[Settings]

    def round(self, run_id: str, now: datetime) -> Round:
        """Evaluate every rule once and deliver what waits, in the name of a run."""
        return rounds.run_round(self.settings, Actor(f"run:{run_id}"), now)

    def faults(self) -> list[str]:
        """Say what is wrong with the rules now."""
        return rounds.faults(self.settings)

    def given_up(self, now: datetime) -> list[GivenUp]:
        """List what did not arrive within the last day."""
        return rounds.given_up(self.settings, now)
