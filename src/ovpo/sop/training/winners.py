# SPDX-License-Identifier: Apache-2.0
"""Which adapters of some days became champion, with their files."""

from typing import Final

from ovpo.sop.adapters.adapter import Adapter
from ovpo.sop.errors import AdapterError
from ovpo.sop.records.adapters import Adapters
from ovpo.sop.records.rows import AdapterState
from ovpo.sop.training import adapter_objects
from ovpo.sop.training.training_set import DAY
from ovpo.sop.working import Hours, Workplace

WON: Final = frozenset({AdapterState.CHAMPION, AdapterState.RETIRED})


def winners(place: Workplace, hours: Hours) -> list[tuple[str, Adapter]]:
    """Give the adapters of the last of the days that became champion, and their tenants.

    One whose files are lost is left out here; that it is lost is for the checks to say.
    """
    last = hours.last.replace(hour=0)
    with place.transaction() as connection:
        made = Adapters(connection).of_days(last, last + DAY / 2)
    found = []
    for one in made:
        if one.state in WON:
            try:
                found.append((one.tenant_id, adapter_objects.load(place.objects, one.key)))
            except AdapterError:
                continue
    return found
