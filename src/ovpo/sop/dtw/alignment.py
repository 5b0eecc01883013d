# SPDX-License-Identifier: Apache-2.0
"""What the rest of the wing calls to align two sequences of rows, and what it gets.

Memory beyond the inputs: 16 MB of similarities at most (6 MB for 2 000 rows), two bits a cell up to 256 MB of them,
112 bytes a trainee row and 8 bytes a step of the path. Above 32 768 x 32 768 cells, parts are done twice instead of
held. Until the compiled programme is ready, it is 16 bytes a cell for four million cells at once, and two bytes a cell
up to 256 MB.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ovpo.sop.dtw.compiled.loading import LOADING
from ovpo.sop.dtw.devices import DEVICES
from ovpo.sop.dtw.inputs import Numbers, numbers, refuse_non_finite, refuse_other_widths
from ovpo.sop.dtw.passing import cheapest_path
from ovpo.sop.dtw.similarity import Cosines, Matrix, Similarity, measured

Device = Literal["auto", "cpu"]

WORTH_A_GPU: Final = 1 << 20
"""So many cells take the CPU 20 ms; for fewer no GPU is looked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """The cheapest way through two sequences."""

    path: NDArray[np.int32]
    """A line a pair of rows: gold row, trainee row; from the first pair to the last, never going back."""
    mean_cost: float
    """The total cost over the number of pairs."""
    total_cost: float
    """The sum of 1 - cosine over the pairs; rounding may take it a few 1e-7 a pair below 0."""


def align(gold: ArrayLike, trainee: ArrayLike, *, normalized: bool = False, device: Device = "auto") -> Alignment:
    """Align two sequences from end to end; say `normalized` where all rows are one long, or zero."""
    ours, theirs = _pair(gold, trainee)
    if device == "auto" and len(ours) * len(theirs) >= WORTH_A_GPU:
        gpu = DEVICES.gpu(_on_cpu)
        if gpu is not None:
            _check(ours, theirs)
            try:
                return gpu.align(ours, theirs, normalized=normalized)
            except Exception:  # noqa: BLE001
                DEVICES.give_up()
    return _on_cpu(ours, theirs, normalized=normalized)


def align_from_similarity(similarity: ArrayLike) -> Alignment:
    """Align two sequences from end to end, given how alike each row of one is to each of the other, 1 being equal."""
    values = numbers("similarity", similarity)
    refuse_non_finite("similarity", values)
    return _through(Matrix(values))


def align_many(
    gold: ArrayLike, trainees: Sequence[ArrayLike], *, normalized: bool = False, device: Device = "auto"
) -> list[Alignment]:
    """Align each of several trainees with one gold: what `align` gives for each, with the gold looked at once.

    The matrix product uses as many cores as its library may; several threads may call this at the same time.
    """
    ours = numbers("gold", gold)
    theirs = [numbers(_nth(place), trainee) for place, trainee in enumerate(trainees)]
    for place, trainee in enumerate(theirs):
        refuse_other_widths(ours, _nth(place), trainee)
    measured_gold = measured("gold", ours, normalized=normalized)
    pairs = [measured(_nth(place), trainee, normalized=normalized) for place, trainee in enumerate(theirs)]
    if device == "auto" and len(ours) * sum(map(len, theirs)) >= WORTH_A_GPU:
        gpu = DEVICES.gpu(_on_cpu)
        if gpu is not None:
            try:
                return gpu.align_many(ours, theirs, normalized=normalized)
            except Exception:  # noqa: BLE001
                DEVICES.give_up()
    return [_through(Cosines(measured_gold, pair)) for pair in pairs]


def open_ended(
    gold: ArrayLike, trainee: ArrayLike, *, open_begin: bool = True, open_end: bool = True, normalized: bool = False
) -> Alignment:
    """Align all of gold with the stretch of trainee that suits it best; what is before and after costs nothing."""
    ours, theirs = _pair(gold, trainee)
    return _on_cpu(ours, theirs, normalized=normalized, open_begin=open_begin, open_end=open_end)


def _pair(gold: ArrayLike, trainee: ArrayLike) -> tuple[Numbers, Numbers]:
    ours, theirs = numbers("gold", gold), numbers("trainee", trainee)
    refuse_other_widths(ours, "trainee", theirs)
    return ours, theirs


def _check(gold: Numbers, trainee: Numbers) -> None:
    measured("gold", gold, normalized=True)
    measured("trainee", trainee, normalized=True)


def _on_cpu(
    gold: Numbers, trainee: Numbers, *, normalized: bool = False, open_begin: bool = False, open_end: bool = False
) -> Alignment:
    cosines = Cosines(
        measured("gold", gold, normalized=normalized), measured("trainee", trainee, normalized=normalized)
    )
    return _through(cosines, open_begin=open_begin, open_end=open_end)


def _through(similarity: Similarity, *, open_begin: bool = False, open_end: bool = False) -> Alignment:
    try:
        path, total = cheapest_path(similarity, LOADING.now, open_begin=open_begin, open_end=open_end)
    finally:
        # Only now, for compiling would slow the first call down.
        LOADING.begin()
    return Alignment(path, total / len(path), total)


def _nth(place: int) -> str:
    return f"trainees[{place}]"
