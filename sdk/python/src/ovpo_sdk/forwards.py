# SPDX-License-Identifier: Apache-2.0
"""What observing the forward passes of torch's modules has to know of torch."""

import sys
from typing import Any, Final

import torch

MEGABYTE: Final = 1_000_000


def failure_of_forward(output: Any) -> BaseException | None:
    """Tell, inside a forward hook with `always_call`, what the forward raised: it then has no output."""
    return sys.exception() if output is None else None


def is_compiled_in_place(module: torch.nn.Module) -> bool:
    """Tell whether `module.compile()` was called: hooks would then become a part of what is compiled."""
    return getattr(module, "_compiled_call_impl", None) is not None


def uses_cuda() -> bool:
    """Tell whether this process has begun to use CUDA; asking does not begin it."""
    return torch.cuda.is_available() and torch.cuda.is_initialized()  # type: ignore[no-untyped-call]


def memory_used(device: torch.device | None = None) -> dict[str, float]:
    """Tell of a GPU's memory, by default of the current one's, as attributes; torch's counters are not reset."""
    return {
        "gpu.vram_used_mb": torch.cuda.memory_allocated(device) / MEGABYTE,
        "gpu.vram_peak_mb": torch.cuda.max_memory_allocated(device) / MEGABYTE,
    }


def settle() -> None:
    """Wait for what CUDA was given, so that what follows is not taken for it."""
    if uses_cuda():
        torch.cuda.synchronize()
