# SPDX-License-Identifier: Apache-2.0
"""A look into the inbox: what has settled is entered into the ledger, what is no plain file is refused at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from ovpo.foundation.ledger.items import Arrival
from ovpo.foundation.ledger.session import Session
from ovpo.foundation.settings.tree import Settings
from ovpo.sop.intake.errors import IntakeError
from ovpo.sop.intake.found import Found
from ovpo.sop.intake.inbox import Inbox
from ovpo.sop.intake.naming import Naming
from ovpo.sop.intake.receipts import refusal
from ovpo.sop.working import INTAKE, Workplace

MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Discovered:
    """How many files a look saw, by what was done with them."""

    registered: int = 0
    known: int = 0
    """Registered before and still there, since their turn has not come."""
    refused: int = 0
    growing: int = 0
    stuck: int = 0
    """Neither readable nor movable; they stay where they are."""


def tenant_of(settings: Settings) -> str:
    """Tell whose the inbox is."""
    return settings.sop.inbox_tenant or settings.seed.tenant


def discover(place: Workplace, inbox: Inbox, most: int = MOST) -> Discovered:
    """Enter what the inbox holds into the lane of intake; what was entered before is left as it is."""
    # A pattern that cannot be used would refuse every file, so it stops the look instead.
    Naming.of(place.settings.sop)
    seen = inbox.scan(most)
    usable = [found for found in seen.found if found.fault is None]
    registered = _register(place, usable)
    refused = [_refuse(place, inbox, found, found.fault) for found in seen.found if found.fault is not None]
    return Discovered(
        registered=registered,
        known=len(usable) - registered,
        refused=sum(refused),
        growing=seen.growing,
        stuck=seen.untouchable + len(refused) - sum(refused),
    )


def _register(place: Workplace, usable: Sequence[Found]) -> int:
    if not usable:
        return 0
    tenant_id = tenant_of(place.settings)
    arrivals = [(uuid4(), Arrival(tenant_id, found.path, found.digest)) for found in usable]
    with place.transaction() as connection:
        return len(Session(connection).register(INTAKE, arrivals, place.now()))


def _refuse(place: Workplace, inbox: Inbox, found: Found, fault: IntakeError) -> bool:
    try:
        inbox.refuse(found, refusal(found, fault, place.now()))
    except IntakeError:
        return False
    return True
