# SPDX-License-Identifier: Apache-2.0
"""What may be aligned: everything else is refused here, with the name of what was given and what to do about it."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ovpo.sop.errors import AlignmentError

Numbers = NDArray[np.float32]


def numbers(name: str, given: ArrayLike) -> Numbers:
    """Take a table of numbers; its memory is used as it is where it is float32 and in order."""
    try:
        table: NDArray[Any] = np.asarray(given)
    except ValueError as fault:
        raise AlignmentError("not_numbers", f"{name}: give rows of equal length ({fault})") from fault
    if table.dtype.kind not in "fiub":
        raise AlignmentError("not_numbers", f"{name}: holds {table.dtype}; give real numbers")
    if table.ndim != 2:
        raise AlignmentError(
            "not_two_dimensional", f"{name}: has {table.ndim} dimension(s); give a table, a row for each clip"
        )
    if not table.size:
        raise AlignmentError(
            "empty", f"{name}: has {table.shape[0]} rows of {table.shape[1]} numbers; give at least one of each"
        )
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(table, np.float32)


def refuse_other_widths(gold: Numbers, name: str, trainee: Numbers) -> None:
    """Raise AlignmentError unless the rows of both have equally many numbers."""
    if gold.shape[1] != trainee.shape[1]:
        raise AlignmentError(
            "width_mismatch",
            f"{name}: rows have {trainee.shape[1]} numbers, gold's have {gold.shape[1]}; embed both in the same way",
        )


def refuse_non_finite(name: str, table: Numbers) -> None:
    """Raise AlignmentError if a number is none, or has no end."""
    bad = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if bad.size:
        raise AlignmentError(
            "not_finite",
            f"{name}: {bad.size} row(s) hold NaN or infinity, or more than float32 can, the first is row {bad[0]}; "
            "leave such rows out or make them zero",
        )
