# SPDX-License-Identifier: Apache-2.0
"""Whether there is a device to align on, and the library that drives it, imported only when it is asked for."""

from importlib import import_module
from typing import Any

CAPABILITY = 80
"""The least compute capability, times ten: asynchronous copies into shared memory came with 8.0."""


def cupy() -> Any:
    """Give CuPy, which carries no types."""
    return import_module("cupy")


def available() -> bool:
    """Tell whether CuPy is here, can compile, and sees a device of compute capability 8.0 or later. Never raises."""
    try:
        library = cupy()
        library.cuda.nvrtc.getVersion()
        return (
            bool(library.cuda.runtime.getDeviceCount()) and int(library.cuda.Device().compute_capability) >= CAPABILITY
        )
    # A broken driver, a library for another CUDA: each raises its own, all of them mean no.
    except Exception:  # noqa: BLE001
        return False


def room() -> int:
    """Tell how many bytes of the current device may be used: nine tenths of what is free or only kept by CuPy."""
    library = cupy()
    free, _ = library.cuda.runtime.memGetInfo()
    return int((free + library.get_default_memory_pool().free_bytes()) * 0.9)
