# SPDX-License-Identifier: Apache-2.0
"""Steps that were done, but in another order than the gold's: the fewest exchanges and moves that explain it."""

from collections.abc import Iterator

from ovpo.sop.judging.case import Case
from ovpo.sop.judging.order import Exchange, Move, explain
from ovpo.sop.judging.visits import Aside, Visit
from ovpo.sop.result import Deviation, DeviationType


def order_swaps(case: Case) -> Iterator[Deviation]:
    """Tell each exchange or move once."""
    done = {visit.step + 1: visit for visit in case.done}
    for change in explain([visit.step + 1 for visit in case.done]):
        concerned = (change.a, change.b) if isinstance(change, Exchange) else (change.step,)
        visits = [done[number] for number in concerned]
        names = tuple(case.steps[number - 1].name for number in concerned)
        steps = [case.steps[number - 1] for number in concerned]
        first, last = min(visits, key=_first), max(visits, key=_first)
        yield Deviation(
            type=DeviationType.ORDER_SWAP,
            steps=concerned,
            names=names,
            gold=case.gold_interval(steps[0].first, steps[-1].end),
            trainee=case.trainee_interval(Aside(first.first, last.end, 0, 0)),
            confidence=round(min(1 - case.certainty(case.likeness_of(visit)) for visit in visits), 3),
            severity=round(min(len(concerned) / max(len(case.steps), 1), 1.0), 3),
            sentence=_sentence(change, names, case),
            evidence=case.pair((steps[0].first, steps[0].end), (visits[0].first, visits[0].end)),
        )


def _first(visit: Visit) -> int:
    return visit.first


def _sentence(change: Exchange | Move, names: tuple[str, ...], case: Case) -> str:
    if isinstance(change, Exchange):
        return f"“{names[0]}” and “{names[1]}” are exchanged."
    if change.after is None:
        return f"“{names[0]}” is done first of all."
    return f"“{names[0]}” is done after “{case.steps[change.after - 1].name}”."
