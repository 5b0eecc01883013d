# SPDX-License-Identifier: Apache-2.0
"""Makes the scores of windows: takes the queued ones from the ledger, has each made, and records what came out.

May be repeated after a death at any moment: a result is written under a prefix of its own and counts once the score's
row points to it; the earlier one is removed only then.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

from ovpo.foundation.ledger.items import Item, State
from ovpo.sop.ending import ends_the_run
from ovpo.sop.errors import SopError
from ovpo.sop.procedures.keeping import prefix_of, remove_attempt, remove_others
from ovpo.sop.procedures.queueing import queue_ready, queue_stale
from ovpo.sop.procedures.version import VERSION
from ovpo.sop.records.keys import of_score
from ovpo.sop.records.rows import Score, ScoreState
from ovpo.sop.records.scores import Scores
from ovpo.sop.working import SCORE, Hours, Outcome, Worked, Workplace, work_through

if TYPE_CHECKING:
    from ovpo.sop.procedures.making import Making

INTERNAL: Final = "internal"
_INTERNAL: Final = "Something failed that is not the videos' fault; see the run's log, then retry the score."
_SETTLED: Final = {
    ScoreState.FINISHED: State.FINISHED,
    ScoreState.FAILED: State.QUARANTINED,
    ScoreState.CANCELED: State.CANCELED,
}


class CanceledError(Exception):
    """Somebody canceled the score while it was made, or the ledger gave it to another run."""


def score(place: Workplace, hours: Hours) -> Worked:
    """Make the scores of windows that are queued, that became ready, or whose result is stale."""
    from ovpo.sop.procedures.making import Making

    with place.transaction() as connection:
        queue_stale(connection, hours, VERSION, place.now())
        queue_ready(connection, place.now())
    return work_through(place, SCORE, hours, Taking(place, Making.of(place)).handle)


@dataclass(frozen=True, slots=True)
class Taking:
    """What becomes of one item of the ledger."""

    place: Workplace
    making: "Making"

    def handle(self, item: Item) -> Outcome:
        """Make the score of an item, unless there is nothing to make any more."""
        place, score_id = self.place, UUID(item.subject)
        with place.transaction() as connection:
            scores = Scores(connection)
            taken = scores.started(item.tenant_id, score_id, place.run_id, place.now())
            found = taken or scores.find(item.tenant_id, score_id)
        if taken is None:
            return self._nothing_to_do(found)
        try:
            return self._made(taken)
        except CanceledError:
            return Outcome(State.CANCELED)
        except SopError as error:
            if ends_the_run(error):
                raise
            # The sentence may name files, and the ledger's reasons are shown where nothing can be erased.
            held = self._failed(taken, error.code, str(error))
            return Outcome(State.QUARANTINED, error.code) if held else Outcome(State.CANCELED)
        except Exception as error:
            if not ends_the_run(error):
                self._failed(taken, INTERNAL, _INTERNAL)
            raise

    def _made(self, taken: Score) -> Outcome:
        prefix = of_score(taken.tenant_id, taken.score_id, uuid4().hex)
        try:
            made, came = self.making.make(taken, prefix, lambda: self._check(taken))
        except BaseException:
            remove_attempt(self.place.objects, prefix)
            raise
        # Should this fail, nobody knows whether the row points to the objects: they stay, and the next attempt tidies.
        with self.place.transaction() as connection:
            held = Scores(connection).finished(taken, made, came, self.place.now())
        if not held:
            remove_attempt(self.place.objects, prefix)
            return Outcome(State.CANCELED)
        self._tidy(taken, came.result_key)
        return Outcome(State.FINISHED, result=came.result_key)

    def _check(self, taken: Score) -> None:
        with self.place.transaction() as connection:
            if not Scores(connection).is_held(taken):
                raise CanceledError

    def _failed(self, taken: Score, code: str, sentence: str) -> bool:
        with self.place.transaction() as connection:
            held = Scores(connection).failed(taken, code, sentence, self.place.now())
        if held:
            self._tidy(taken, taken.result_key)
        return held

    def _nothing_to_do(self, found: Score | None) -> Outcome:
        """Settle an item whose score is not to be made: a run that died had done so but not said so, or it is gone."""
        if found is None or found.state not in _SETTLED:
            return Outcome(State.CANCELED)
        self._tidy(found, found.result_key)
        return Outcome(_SETTLED[found.state], reason=found.reason_code, result=found.result_key)

    def _tidy(self, of: Score, result_key: str | None) -> None:
        """Remove what is not this result's, such as what a run left that died."""
        kept = prefix_of(result_key) if result_key else ""
        remove_others(self.place.objects, of.tenant_id, of.score_id, kept)
