# SPDX-License-Identifier: Apache-2.0
"""A round of training: each tenant that asked, or that has enough new golds, gets a candidate that is decided on.

Everything from the first look at a tenant's golds to the decision happens under that tenant's lock.
"""

from datetime import datetime
from typing import Final
from uuid import uuid4

from ovpo.foundation.ledger.items import Arrival, Item, State, hour_of
from ovpo.foundation.ledger.session import Session
from ovpo.sop.adapters.adapter import Adapter
from ovpo.sop.errors import AdapterError
from ovpo.sop.records.adapters import Adapters
from ovpo.sop.training import adapter_objects
from ovpo.sop.training.alone import alone
from ovpo.sop.training.candidates import Candidate, Nothing, make
from ovpo.sop.training.choosing import Evaluation, choose, faults
from ovpo.sop.training.evaluating import separation
from ovpo.sop.training.training_set import DAY, golds, new_by_tenant
from ovpo.sop.working import TRAIN, Hours, Outcome, Worked, Workplace, work_through

SCHEDULE: Final = "schedule"
OPEN: Final = "SELECT DISTINCT tenant_id FROM ledger_items WHERE lane = %s AND state IN ('queued', 'started')"


def train(place: Workplace, hours: Hours) -> Worked:
    """Train for everybody who asked in these hours, and for who has enough new golds and did not ask."""
    _register(place, hours)
    return work_through(place, TRAIN, hours, lambda item: _train(place, item))


def day_of(moment: datetime) -> datetime:
    """Give the day in UTC that a moment falls into."""
    return hour_of(moment).replace(hour=0)


def _register(place: Workplace, hours: Hours) -> None:
    now = place.now()
    window = min(max(hour_of(now), hours.first), hours.last)
    with place.transaction() as connection:
        counted = new_by_tenant(golds(connection, day_of(window) + DAY))
        asked = {tenant_id for (tenant_id,) in connection.execute(OPEN, (TRAIN,))}
        due = [
            Arrival(tenant_id, SCHEDULE, f"{SCHEDULE}@{place.run_id}")
            for tenant_id, new in counted.items()
            if new >= place.settings.sop.least_new_golds and tenant_id not in asked
        ]
        Session(connection).register(TRAIN, [(uuid4(), arrival) for arrival in due], now, window=window)


def _train(place: Workplace, item: Item) -> Outcome:
    with alone(place.settings.postgres, item.tenant_id) as lock:
        made = make(place, item.tenant_id, day_of(item.window_start))
        if isinstance(made, Nothing):
            return Outcome(State.FINISHED, reason=made.reason)
        evaluation = evaluate(place, made)
        decision = choose(evaluation, faults(made.adapter, made.stored.trained_on))
        lock.check()
        with place.transaction() as connection:
            decided = Adapters(connection).decide(made.stored, decision, place.now(), against=made.champion)
    return Outcome(State.FINISHED, reason=f"{decided.state}: {decided.reason}", result=decided.adapter)


def evaluate(place: Workplace, made: Candidate) -> Evaluation:
    """Hold a candidate against the champion and against raw rows, on the golds that it was learnt from."""
    champion, fault = _champion(place, made)
    record = made.adapter.record
    return Evaluation(
        candidate=separation(made.golds, made.adapter),
        champion=separation(made.golds, champion) if champion else None,
        champion_adapter=made.champion.adapter if made.champion else None,
        champion_fault=fault,
        raw=separation(made.golds, None),
        least_std=float(made.adapter.std.min()),
        eps=record.shrinking.eps,
        videos=len(record.trained_on),
        rows=sum(video.rows for video in record.trained_on),
    )


def _champion(place: Workplace, made: Candidate) -> tuple[Adapter | None, str | None]:
    """Read the champion, or say why it cannot be read: a champion that is lost must not keep others out for ever."""
    if made.champion is None:
        return None, None
    try:
        return adapter_objects.load(place.objects, made.champion.key), None
    except AdapterError as error:
        return None, error.code
