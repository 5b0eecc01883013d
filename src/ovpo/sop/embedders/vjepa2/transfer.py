# SPDX-License-Identifier: Apache-2.0
"""Bringing pictures to the device: on CUDA through two pinned buffers in turn, on a stream of their own.

While the encoder works on one stretch, the next is decoded into the other buffer and copied over. A buffer is filled
again once its copy has arrived, and overwritten on the device once the encoder has read it; nothing else waits.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import cycle
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ovpo.sop.video.samples import Picture


class Lane(Protocol):
    """A way to the device."""

    def sent(self, pictures: Sequence[Picture]) -> AbstractContextManager[Tensor]:
        """Give the pictures as bytes on the device, to be read within the context only."""


class PlainLane:
    """For the CPU: there is nowhere to go."""

    @contextmanager
    def sent(self, pictures: Sequence[Picture]) -> Iterator[Tensor]:
        """Stack the pictures."""
        yield torch.from_numpy(np.stack(pictures))


class _Slot:
    def __init__(self) -> None:
        self.host = torch.empty(0, dtype=torch.uint8)
        self.there = torch.empty(0, dtype=torch.uint8)
        self.copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self.read = torch.cuda.Event()  # type: ignore[no-untyped-call]


class PinnedLane:
    """For CUDA: copies that overlap with what the encoder does."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._slots = cycle((_Slot(), _Slot()))

    @contextmanager
    def sent(self, pictures: Sequence[Picture]) -> Iterator[Tensor]:
        """Fill the next buffer and start its copy; what is queued within the context waits for it on the device."""
        slot = next(self._slots)
        slot.copied.synchronize()
        shape = (len(pictures), *pictures[0].shape)
        if slot.host.numel() < np.prod(shape):
            self._enlarge(slot, int(np.prod(shape)))
        host, there = (buffer[: int(np.prod(shape))].view(shape) for buffer in (slot.host, slot.there))
        np.stack(pictures, out=host.numpy())
        with torch.cuda.stream(self._stream):
            self._stream.wait_event(slot.read)
            there.copy_(host, non_blocking=True)
            slot.copied.record(self._stream)
        encoding = torch.cuda.current_stream(self._device)
        encoding.wait_event(slot.copied)
        try:
            yield there
        finally:
            slot.read.record(encoding)

    def _enlarge(self, slot: _Slot, size: int) -> None:
        torch.cuda.synchronize(self._device)
        slot.host = torch.empty(size, dtype=torch.uint8, pin_memory=True)
        slot.there = torch.empty(size, dtype=torch.uint8, device=self._device)
        torch.cuda.synchronize(self._device)
