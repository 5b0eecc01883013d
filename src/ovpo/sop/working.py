# SPDX-License-Identifier: Apache-2.0
"""How a run works through a window: items of the ledger taken one by one, each settled on its own, several at once.

What one item cannot do never fails the others. What a store cannot do ends the run, and the ledger asks again.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event
from typing import Final

import psycopg
import structlog

from ovpo.foundation.ledger.items import Item, State
from ovpo.foundation.ledger.session import Session
from ovpo.foundation.objects.copies import Copies
from ovpo.foundation.objects.store import ObjectStore
from ovpo.foundation.postgres.connect import lend
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.sop.ending import ends_the_run
from ovpo.sop.errors import SopError

INTAKE: Final = "sop_intake"
PROBE: Final = "sop_probe"
EMBED: Final = "sop_embed"
SCORE: Final = "sop_score"
TRAIN: Final = "sop_train"
LANES: Final = (INTAKE, PROBE, EMBED, SCORE, TRAIN)
_log: Final = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Workplace:
    """What the work of one run stands on: the stores, the settings, the time, and the run's own name."""

    settings: Settings
    objects: ObjectStore
    copies: Copies
    run_id: str
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def transaction(self) -> AbstractContextManager[psycopg.Connection]:
        """Lend a connection that sees every tenant, inside one transaction, which is kept unless the caller raises."""
        return lend(self.settings.postgres, PostgresRole.PROCESS)


@dataclass(frozen=True, slots=True)
class Hours:
    """The windows of a run: the starts of the first and of the last hour, both included."""

    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an item."""

    state: State
    reason: str | None = None
    result: str | None = None


@dataclass(frozen=True, slots=True)
class Worked:
    """How many items a run settled, by what became of them."""

    finished: int = 0
    quarantined: int = 0
    failed: int = 0
    canceled: int = 0


Handle = Callable[[Item], Outcome]


def work_through(place: Workplace, lane: str, hours: Hours, handle: Handle) -> Worked:
    """Take every queued item of the windows, handle and settle each; several at once.

    Where one cannot be settled, or the run is interrupted, none is taken any more: the others are left for another run.
    """
    ended = Event()

    def worker() -> list[Outcome]:
        outcomes = []
        with _telling(ended):
            while not ended.is_set() and (item := _next(place, lane, hours)) is not None:
                outcomes.append(_settled(place, item, handle))
        return outcomes

    workers = place.settings.sop.workers
    with ThreadPoolExecutor(workers, thread_name_prefix=lane) as pool, _telling(ended):
        done = [outcome.state for one in [pool.submit(worker) for _ in range(workers)] for outcome in one.result()]
    return Worked(
        finished=done.count(State.FINISHED),
        quarantined=done.count(State.QUARANTINED),
        failed=done.count(State.FAILED),
        canceled=done.count(State.CANCELED),
    )


@contextmanager
def _telling(ended: Event) -> Iterator[None]:
    try:
        yield
    except BaseException:
        ended.set()
        raise


def _next(place: Workplace, lane: str, hours: Hours) -> Item | None:
    with place.transaction() as connection:
        taken = Session(connection).claim(lane, hours.first, hours.last, place.run_id, place.now(), most=1)
    return taken[0] if taken else None


def _settled(place: Workplace, item: Item, handle: Handle) -> Outcome:
    outcome = handled(item, handle)
    with place.transaction() as connection:
        Session(connection).settle(
            [item.item_id], place.run_id, outcome.state, place.now(), reason=outcome.reason, result=outcome.result
        )
    return outcome


def handled(item: Item, handle: Handle) -> Outcome:
    """Handle one item; what is wrong with it is its outcome, what is wrong with the machine is raised."""
    try:
        return handle(item)
    except Exception as error:
        if ends_the_run(error):
            raise
        if isinstance(error, SopError):
            return Outcome(State.QUARANTINED, f"{error.code}: {error}")
        _log.exception("sop.item_failed", lane=item.lane, item_id=str(item.item_id))
        return Outcome(State.FAILED, f"{type(error).__name__}; the log of run and item says more")
