# SPDX-License-Identifier: Apache-2.0
"""How well gold videos can be told apart through an adapter: clips that show the same against clips that do not. Pure.

Two golds of one task show the same; so do the even and the odd rows of a gold that is alone in its task. Two golds of
different tasks show different things; so do the first and the second half of any gold. Each pair is aligned, and the
cosines along its path are what is compared. Adapters are held against one another on the very same pairs.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations
from math import sqrt
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ovpo.sop.adapters.adapter import Adapter
from ovpo.sop.adapters.applying import apply
from ovpo.sop.dtw.alignment import align
from ovpo.sop.embedding import Embedding, Rows

MOST_ROWS: Final = 400
"""Longer golds are thinned evenly to so many rows: a pair then takes a few milliseconds, whatever its length."""
MOST_PAIRS: Final = 500
"""Of each of the four kinds, chosen by digest, so that the time does not grow with the square of the golds."""
MOST_GOLDS: Final = 200
"""Held in memory at once: 330 MB where a row is 1024 wide."""
Cosines = NDArray[np.float32]


class Separation(Struct, frozen=True, kw_only=True):
    """How far cosines of what shows the same lie above those of what does not; every pair counts alike."""

    auc: float
    """How often a clip is more like one that shows the same than one that does not: 0.5 by chance, 1 at best."""
    d_prime: float
    """The distance of the two means in standard deviations, 0 where nothing varies."""
    same_mean: float
    different_mean: float
    same_pairs: int
    different_pairs: int
    same_rows: int
    different_rows: int


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """A gold's raw embedding, and the task that it shows."""

    task_id: str
    embedding: Embedding

    @property
    def digest(self) -> str:
        """The identity of the video."""
        return self.embedding.sidecar.video.sha256


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two parts of golds, each a gold's place and which of its rows."""

    ours: tuple[int, slice]
    theirs: tuple[int, slice]


WHOLE: Final = slice(None)
EVEN, ODD = slice(0, None, 2), slice(1, None, 2)


def separation(golds: Sequence[Labelled], adapter: Adapter | None) -> Separation | None:
    """Measure an adapter, or raw rows, on golds; None where they hold no two parts to compare."""
    thinned = [Labelled(gold.task_id, _thinned(gold.embedding)) for gold in sampled(golds)]
    rows = [(apply(adapter, gold.embedding) if adapter else gold.embedding).rows for gold in thinned]
    same, different = _pairs_of_same(thinned), _pairs_of_different(thinned)
    if not same or not different:
        return None
    return measured([_along(rows, pair) for pair in same], [_along(rows, pair) for pair in different])


def sampled(golds: Sequence[Labelled]) -> list[Labelled]:
    """Choose at most so many golds, two of each task before a third of any, and the same ones whoever asks."""
    ranks: Counter[str] = Counter()
    keyed = []
    for gold in sorted(golds, key=lambda gold: gold.digest):
        keyed.append(((ranks[gold.task_id] // 2, sha256(gold.task_id.encode()).hexdigest(), gold.digest), gold))
        ranks[gold.task_id] += 1
    return [gold for _, gold in sorted(keyed, key=lambda one: one[0])[:MOST_GOLDS]]


def measured(same: Sequence[Cosines], different: Sequence[Cosines]) -> Separation:
    """Compare the cosines of pairs that show the same with those of pairs that do not."""
    ours, our_weights = _pooled(same)
    theirs, their_weights = _pooled(different)
    (our_mean, our_variance), (their_mean, their_variance) = (
        _moments(ours, our_weights),
        _moments(theirs, their_weights),
    )
    spread = sqrt((our_variance + their_variance) / 2)
    return Separation(
        auc=_auc(ours, our_weights, theirs, their_weights),
        d_prime=(our_mean - their_mean) / spread if spread > 0 else 0.0,
        same_mean=our_mean,
        different_mean=their_mean,
        same_pairs=len(same),
        different_pairs=len(different),
        same_rows=len(ours),
        different_rows=len(theirs),
    )


def _thinned(embedding: Embedding) -> Embedding:
    count = len(embedding.rows)
    if count <= MOST_ROWS:
        return embedding
    kept = np.linspace(0, count - 1, MOST_ROWS).round().astype(np.int64)
    return Embedding(embedding.rows[kept], embedding.sidecar)


def _pairs_of_same(golds: Sequence[Labelled]) -> list[_Pair]:
    retakes = (pair for pair in combinations(range(len(golds)), 2) if _are_of_one_task(golds, pair))
    tasks = [gold.task_id for gold in golds]
    alone = [place for place in _halvable(golds) if tasks.count(golds[place].task_id) == 1]
    return [
        *(_Pair((one, WHOLE), (other, WHOLE)) for one, other in _chosen(golds, retakes)),
        *(_Pair((one, EVEN), (one, ODD)) for (one,) in _chosen(golds, ((place,) for place in alone))),
    ]


def _pairs_of_different(golds: Sequence[Labelled]) -> list[_Pair]:
    others = (pair for pair in combinations(range(len(golds)), 2) if not _are_of_one_task(golds, pair))
    halves = _chosen(golds, ((place,) for place in _halvable(golds)))
    return [
        *(_Pair((one, WHOLE), (other, WHOLE)) for one, other in _chosen(golds, others)),
        *(_Pair((one, slice(None, half)), (one, slice(half, None))) for one, half in _with_half(golds, halves)),
    ]


def _are_of_one_task(golds: Sequence[Labelled], pair: tuple[int, ...]) -> bool:
    return len({golds[place].task_id for place in pair}) == 1


def _halvable(golds: Sequence[Labelled]) -> list[int]:
    return [place for place, gold in enumerate(golds) if len(gold.embedding.rows) > 1]


def _with_half(golds: Sequence[Labelled], places: Iterable[tuple[int, ...]]) -> list[tuple[int, int]]:
    return [(place, len(golds[place].embedding.rows) // 2) for (place,) in places]


def _chosen(golds: Sequence[Labelled], places: Iterable[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Choose at most so many pairs or golds, and the same ones whenever the golds are the same."""

    def drawn(chosen: tuple[int, ...]) -> str:
        return sha256("".join(sorted(golds[place].digest for place in chosen)).encode()).hexdigest()

    return sorted(places, key=drawn)[:MOST_PAIRS]


def _along(rows: Sequence[Rows], pair: _Pair) -> Cosines:
    (one, our_part), (other, their_part) = pair.ours, pair.theirs
    ours, theirs = rows[one][our_part], rows[other][their_part]
    path = align(ours, theirs, normalized=True, device="cpu").path
    along: Cosines = np.einsum("ij,ij->i", ours[path[:, 0]], theirs[path[:, 1]])
    return along


def _pooled(pairs: Sequence[Cosines]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Put the cosines of pairs together; those of a pair weigh as much as those of any other, however long it is."""
    weights = [np.full(len(pair), 1 / (len(pair) * len(pairs))) for pair in pairs]
    return np.concatenate(pairs).astype(np.float64), np.concatenate(weights)


def _moments(values: NDArray[np.float64], weights: NDArray[np.float64]) -> tuple[float, float]:
    mean = float(weights @ values)
    return mean, float(weights @ (values - mean) ** 2)


def _auc(
    ours: NDArray[np.float64],
    our_weights: NDArray[np.float64],
    theirs: NDArray[np.float64],
    their_weights: NDArray[np.float64],
) -> float:
    """Weigh the pairs of values in which ours is the higher one, and half of those in which they are equal."""
    order = np.argsort(theirs)
    below = np.concatenate([[0.0], np.cumsum(their_weights[order])])
    ranked = theirs[order]
    lower, not_higher = (below[np.searchsorted(ranked, ours, side)] for side in ("left", "right"))
    # Sums of weights may pass 1 by a rounding.
    return min(max(float(our_weights @ (lower + not_higher) / 2), 0.0), 1.0)
