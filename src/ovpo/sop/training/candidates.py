# SPDX-License-Identifier: Apache-2.0
"""Making a candidate: an adapter learnt from every gold of a tenant, on record and in the object store.

Whoever calls this holds the tenant's lock. The record comes before the file, under a name that follows from the golds,
so that a training that died is taken up where it was and leaves no file that nobody knows of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from ovpo.sop.adapters.adapter import Adapter, Role
from ovpo.sop.adapters.fitting import fit
from ovpo.sop.catalogue import files
from ovpo.sop.errors import AdapterError
from ovpo.sop.records import keys
from ovpo.sop.records.adapters import Adapters, Decision, NewAdapter
from ovpo.sop.records.rows import StoredAdapter
from ovpo.sop.training import adapter_objects
from ovpo.sop.training.evaluating import Labelled
from ovpo.sop.training.training_set import DAY, Gold, golds
from ovpo.sop.working import Workplace

ABANDONED: Final = Decision(
    champion=False,
    reason="its training ended before it was held against anything, and the golds are others now",
    evaluation=None,
)


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is no candidate, and why."""

    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A candidate on which nothing was decided, what it was learnt from, and who is champion."""

    stored: StoredAdapter
    adapter: Adapter
    golds: Sequence[Labelled]
    champion: StoredAdapter | None


def make(place: Workplace, tenant_id: str, day: datetime) -> Candidate | Nothing:
    """Learn from all golds that were embedded before the day ended, unless no gold is new."""
    with place.transaction() as connection:
        found = golds(connection, day + DAY, tenant_id)
    if not found:
        return Nothing("no gold video is embedded yet")
    if not any(gold.new for gold in found):
        return Nothing(f"none of {len(found)} gold videos is new since the last training")
    maker, wanted = found[0].maker, tuple(sorted(gold.sha256 for gold in found))
    with place.transaction() as connection:
        left = {one.trained_on: one for one in Adapters(connection).undecided(tenant_id, maker)}
    taken_up = left.pop(wanted, None)
    learnt_from = [Labelled(gold.task_id, files.load(place.copies, gold.key)) for gold in found]
    adapter = (taken_up and _kept(place, taken_up)) or fit(
        [gold.embedding for gold in learnt_from],
        now=taken_up.created_at if taken_up else place.now(),
        id=_id_of(tenant_id, maker, wanted),
        roles=[Role(gold.role) for gold in found],
    )
    with place.transaction() as connection:
        adapters = Adapters(connection)
        champion = adapters.champion_of(tenant_id, maker)
        for one in left.values():
            adapters.decide(one, ABANDONED, place.now(), against=champion)
        stored = taken_up or adapters.enter(_new(place, found[0], adapter, wanted, day), adapter.record.created_at)
    adapter_objects.save(place.objects, stored.key, adapter)
    return Candidate(stored, adapter, learnt_from, champion)


def _kept(place: Workplace, candidate: StoredAdapter) -> Adapter | None:
    """Read what a training that died has kept, if it came so far."""
    try:
        return adapter_objects.load(place.objects, candidate.key)
    except AdapterError:
        return None


def _new(place: Workplace, gold: Gold, adapter: Adapter, trained_on: tuple[str, ...], day: datetime) -> NewAdapter:
    return NewAdapter(
        adapter=adapter.record.name,
        tenant_id=gold.tenant_id,
        maker=gold.maker,
        key=keys.of_adapter(gold.tenant_id, adapter.record.name),
        trained_on=trained_on,
        day=day,
        run_id=place.run_id,
    )


def _id_of(tenant_id: str, maker: str, trained_on: Sequence[str]) -> str:
    return sha256("\n".join([tenant_id, maker, *trained_on]).encode()).hexdigest()[:12]
