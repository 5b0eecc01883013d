# SPDX-License-Identifier: Apache-2.0
"""Makes one score: looks up what it is made from, judges the trainee's rows by the gold's, and writes what came out.

Imports the engine, so that whoever only lists scores must not import this.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import msgspec

from ovpo.sop.catalogue.files import load
from ovpo.sop.comparing import Comparison, judge_embeddings
from ovpo.sop.procedures.inputs import StandardKey, inputs_of
from ovpo.sop.procedures.keeping import save_matrix, save_result
from ovpo.sop.procedures.standards import Later, Prepared, Standards
from ovpo.sop.procedures.version import VERSION
from ovpo.sop.records.embeddings import Embeddings
from ovpo.sop.records.rows import Score
from ovpo.sop.records.scores import Came, MadeWith
from ovpo.sop.result import Deviation
from ovpo.sop.standard import adapted_by
from ovpo.sop.working import Workplace

Check = Callable[[], None]
"""Is called once the gold side is there, which may take minutes; raises where the score is not wanted any more."""


@dataclass(frozen=True, slots=True)
class Making:
    """Makes the scores of one run."""

    place: Workplace
    standards: Standards

    @classmethod
    def of(cls, place: Workplace) -> Self:
        """Begin a run."""
        return cls(place, Standards(place, Later(place.settings.sop)))

    def make(self, score: Score, prefix: str, check: Check) -> tuple[MadeWith, Came]:
        """Make a score and write it under a prefix; raise SopError for what cannot be compared."""
        with self.place.transaction() as connection:
            inputs = inputs_of(connection, score, Embeddings(connection).current_maker())
        prepared = self.standards.of(inputs.standard)
        check()
        comparison = self._compared(score, inputs.trainee_key, prepared)
        if comparison.likeness is not None:
            save_matrix(self.place.objects, prefix, comparison.likeness, comparison.row_seconds)
        key = save_result(self.place.objects, prefix, comparison.result)
        return _made_with(inputs.standard, prepared), _came(comparison, key)

    def _compared(self, score: Score, trainee_key: str, prepared: Prepared) -> Comparison:
        standard = prepared.standard
        return judge_embeddings(
            standard.gold,
            adapted_by(standard.adapter, load(self.place.copies, trainee_key)),
            steps=standard.steps,
            calibration=standard.calibration,
            scoring=prepared.scoring,
            limits=prepared.limits,
            task=score.task_id,
            now=self.place.now(),
        )


def _made_with(key: StandardKey, prepared: Prepared) -> MadeWith:
    adapter = prepared.standard.adapter
    return MadeWith(
        gold_id=key.gold_id,
        maker=key.maker,
        adapter=adapter.record.name if adapter else "",
        definition_version=key.definition_version,
        code_version=VERSION,
    )


def _came(comparison: Comparison, key: str) -> Came:
    result = comparison.result
    deviations = [_told(one) for one in result.deviations]
    return Came(verdict=result.verdict, points=result.score, deviations=deviations, result_key=key)


def _told(one: Deviation) -> dict[str, Any]:
    """Give a deviation as its row has it; the frames to look at stand in the result only."""
    told: dict[str, Any] = msgspec.to_builtins(one)
    del told["evidence"]
    return told
