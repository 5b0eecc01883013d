# SPDX-License-Identifier: Apache-2.0
"""Whether a GPU aligns here: it is looked for once a process, and trusted once it has agreed with the CPU."""

import logging
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from ovpo.sop.dtw.inputs import Numbers

if TYPE_CHECKING:
    from ovpo.sop.dtw.alignment import Alignment

TOLERANCE: Final = 1e-5
"""How far two devices' mean costs may be apart: their products add up in another order."""

_log: Final = logging.getLogger(__name__)


class Gpu(Protocol):
    """What ovpo.sop.dtw.gpu offers."""

    def align(self, gold: Numbers, trainee: Numbers, *, normalized: bool = False) -> "Alignment":
        """Align two sequences of rows."""
        ...

    def align_many(self, gold: Numbers, trainees: Sequence[Numbers], *, normalized: bool = False) -> "list[Alignment]":
        """Align several trainees with one gold."""
        ...


class Devices:
    """The GPU, as long as it is to be trusted."""

    def __init__(self, find: Callable[[], Gpu | None]) -> None:
        self._find: Callable[[], Gpu | None] | None = find
        self._gpu: Gpu | None = None
        self._finding = Lock()

    def gpu(self, on_cpu: "Callable[[Numbers, Numbers], Alignment]") -> Gpu | None:
        """Give the GPU if there is one and it aligns as the CPU does."""
        with self._finding:
            if self._find is not None:
                find, self._find = self._find, None
                try:
                    self._gpu = _agreeing(find(), on_cpu)
                except Exception:  # noqa: BLE001
                    self.give_up()
        return self._gpu

    def give_up(self) -> None:
        """Use the CPU from now on, because of the exception that is being handled."""
        self._gpu = None
        _log.warning("the GPU failed to align; the CPU does it from now on", exc_info=True)


def _find() -> Gpu | None:
    if find_spec("cupy") is None:
        return None
    from ovpo.sop.dtw.gpu import aligning, device

    return aligning if device.available() else None


def _agreeing(gpu: Gpu | None, on_cpu: "Callable[[Numbers, Numbers], Alignment]") -> Gpu | None:
    if gpu is None:
        return None
    gold, trainee = _sample()
    ours, theirs = on_cpu(gold, trainee), gpu.align(gold, trainee)
    if np.array_equal(ours.path, theirs.path) and abs(ours.mean_cost - theirs.mean_cost) <= TOLERANCE:
        return gpu
    _log.warning("the GPU aligns otherwise than the CPU; the CPU is used")
    return None


def _sample() -> tuple[Numbers, Numbers]:
    """Make two sequences of unequal length, the second a slower, noisy run of the first with a dark row."""
    random = np.random.default_rng(7)
    gold = random.standard_normal((70, 48), dtype=np.float32)
    trainee = gold[np.arange(90) * 70 // 90] + random.standard_normal((90, 48), dtype=np.float32)
    trainee[40] = 0
    return gold, trainee


DEVICES: Final = Devices(_find)
