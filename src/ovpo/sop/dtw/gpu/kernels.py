# SPDX-License-Identifier: Apache-2.0
"""The CUDA kernels: their source, compiled once for each device and tiling."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ovpo.sop.dtw.gpu import device
from ovpo.sop.dtw.gpu.geometry import Tiling

OPTIONS = ("-std=c++17",)


@dataclass(frozen=True, slots=True)
class Kernels:
    """What can be launched."""

    unit_rows: Any
    wavefront: Any
    walk_back: Any


def source(tiling: Tiling) -> str:
    """Put the source together: one text, since CuPy's cache of compiled kernels does not see into included files."""
    folder = files("ovpo.sop.dtw.gpu")
    constants = f"#define ROWS_PER_LANE {tiling.rows_per_lane}\n#define WARPS {tiling.warps}\n"
    return constants + "".join(folder.joinpath(name).read_text("utf-8") for name in ("instructions.cuh", "kernel.cu"))


def kernels(tiling: Tiling) -> Kernels:
    """Give the kernels for the current device."""
    return _compiled(tiling, int(device.cupy().cuda.Device().id))


@cache
def _compiled(tiling: Tiling, _device: int) -> Kernels:
    module = device.cupy().RawModule(code=source(tiling), options=OPTIONS)
    wavefront = module.get_function("wavefront")
    wavefront.max_dynamic_shared_size_bytes = tiling.shared_bytes
    return Kernels(module.get_function("unit_rows"), wavefront, module.get_function("walk_back"))
