# SPDX-License-Identifier: Apache-2.0
"""The ways of aligning that are measured side by side: ours, the floor below it, and other libraries.

None of those is a dependency. Each gets rows of unit length and makes its own cost matrix where it takes one, by the
same BLAS and in float32 or what it needs.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import numpy as np

from bench.dtw.pairs import DIMS, Rows
from ovpo.sop.dtw import wavefront
from ovpo.sop.dtw.alignment import align
from ovpo.sop.dtw.passing import cheapest_path
from ovpo.sop.dtw.similarity import Cosines, measured

Way = Callable[[Rows, Rows], object]

OURS: Final = "ours"
FLOOR: Final = "sgemm alone"
FALLBACK: Final = "ours, NumPy only"
PEERS: Final = ("torchdtw", "tslearn", "librosa", "dtaidistance")


def ways() -> dict[str, Way]:
    """Give what can be measured here, by name."""
    found: dict[str, Way] = {OURS: _ours, FLOOR: _floor(), FALLBACK: _fallback}
    return found | dict(_peers())


def absent() -> list[str]:
    """Name the libraries that are not installed here."""
    return [name for name in PEERS if find_spec(name) is None]


def _ours(gold: Rows, trainee: Rows) -> object:
    return align(gold, trainee, device="cpu")


def _fallback(gold: Rows, trainee: Rows) -> object:
    rows = measured("gold", gold, normalized=False), measured("trainee", trainee, normalized=False)
    return cheapest_path(Cosines(*rows), wavefront.PROGRAMME)


def _floor() -> Way:
    products: dict[tuple[int, int], Rows] = {}

    def multiply(gold: Rows, trainee: Rows) -> object:
        shape = len(gold), len(trainee)
        if shape not in products:
            products[shape] = np.empty(shape, np.float32)
        return np.dot(gold, trainee.T, out=products[shape])

    return multiply


def _peers() -> Iterator[tuple[str, Way]]:
    """Give each library that is there its way in; names are looked up as the libraries have no types."""
    if find_spec("torchdtw"):
        torch, torchdtw = import_module("torch"), import_module("torchdtw")
        torch.set_num_threads(1)
        yield "torchdtw", lambda gold, trainee: torchdtw.dtw_path(torch.from_numpy(_cost(gold, trainee)))
    if find_spec("tslearn"):
        metrics = import_module("tslearn.metrics")
        yield "tslearn", lambda gold, trainee: metrics.dtw_path_from_metric(_cost(gold, trainee), metric="precomputed")
    if find_spec("librosa"):
        sequence = import_module("librosa.sequence")
        yield "librosa", lambda gold, trainee: sequence.dtw(C=_cost(gold, trainee), backtrack=True)
    if find_spec("dtaidistance"):
        compiled = import_module("dtaidistance.dtw_cc")
        yield "dtaidistance", lambda gold, trainee: _multivariate(compiled, gold, trainee)


def _cost(gold: Rows, trainee: Rows) -> Rows:
    cost: Rows = gold @ trainee.T
    np.subtract(np.float32(1), cost, out=cost)
    return cost


def _multivariate(compiled: Any, gold: Rows, trainee: Rows) -> object:
    return compiled.warping_path_ndim(gold.astype(np.float64), trainee.astype(np.float64), ndim=DIMS)
