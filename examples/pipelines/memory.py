# SPDX-License-Identifier: Apache-2.0
"""Memory with a limit, as a GPU has it: arrays are taken from a budget and give their bytes back when they go."""

import weakref
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_MIB = 1024**2


class OutOfMemoryError(RuntimeError):
    """An array does not fit; named and worded as PyTorch's is, so that the SDK knows it for what it is."""


class Memory:
    """A budget of bytes; without one, as much as the machine has."""

    def __init__(self, budget: int | None = None) -> None:
        self._budget = budget
        self.used = 0

    def array(self, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """Give an array of zeros, or raise where it does not fit beside those that are still in use."""
        size = prod(shape) * np.dtype(dtype).itemsize
        if self._budget is not None and self.used + size > self._budget:
            raise OutOfMemoryError(
                f"out of memory: tried to allocate {size / _MIB:.2f} MiB, "
                f"{(self._budget - self.used) / _MIB:.2f} MiB free of {self._budget / _MIB:.2f} MiB"
            )
        made = np.zeros(shape, dtype)
        self.used += size
        weakref.finalize(made, self._give_back, size)
        return made

    def _give_back(self, size: int) -> None:
        self.used -= size
