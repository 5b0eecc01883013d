# SPDX-License-Identifier: Apache-2.0
"""The watch on the inbox: what has settled there is entered into the ledger, whose windows then ask for runs.

It requests nothing itself, so ten thousand files at once are one tick and the runs of one window.
"""

import dagster as dg

from ovpo.sop.intake.arrivals import MOST, Discovered, discover
from ovpo_assets import automation
from resources.inbox import Inbox
from resources.sop import Sop


@dg.sensor(minimum_interval_seconds=15, default_status=automation.SENSORS)
def watch_folder(sop: Sop, inbox: Inbox) -> dg.SkipReason:
    """Register the videos that were laid into the inbox and have stopped growing."""
    return dg.SkipReason(told(discover(sop.workplace(watch_folder.name), inbox.open(), MOST)))


def told(seen: Discovered) -> str:
    """Say in numbers what a look saw; names of files are nobody's business here."""
    said = (
        f"{seen.registered} new, {seen.known} waiting for their turn, {seen.growing} still growing, "
        f"{seen.refused} refused"
    )
    return f"{said}, {seen.stuck} that can be neither read nor moved." if seen.stuck else f"{said}."
