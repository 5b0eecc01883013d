# SPDX-License-Identifier: Apache-2.0
"""The kernels compile for real devices, by NVRTC as CuPy does it and by nvcc, where these are here."""

import ctypes
import ctypes.util
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from ovpo.sop.dtw.gpu.geometry import TILING, Tiling
from ovpo.sop.dtw.gpu.kernels import OPTIONS, source

NVCC = shutil.which("nvcc")
ARCHITECTURES = ["sm_80", "sm_90"]


def nvrtc() -> ctypes.CDLL | None:
    parent = find_spec("nvidia")
    folders = (
        [Path(folder) / "cuda_nvrtc" / "lib" for folder in (parent.submodule_search_locations or [])] if parent else []
    )
    candidates = [str(path) for folder in folders for path in sorted(folder.glob("libnvrtc.so*"))]
    name = candidates[0] if candidates else ctypes.util.find_library("nvrtc")
    return ctypes.CDLL(name) if name else None


def compile_by(library: ctypes.CDLL, code: str, options: list[str]) -> tuple[int, str]:
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    assert library.nvrtcCreateProgram(ctypes.byref(program), code.encode(), b"kernel.cu", 0, None, None) == 0
    words = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
    answer = library.nvrtcCompileProgram(program, len(options), words)
    library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    library.nvrtcGetProgramLog(program, log)
    library.nvrtcDestroyProgram(ctypes.byref(program))
    return answer, log.value.decode()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("tiling", [TILING, Tiling(rows_per_lane=1, warps=8), Tiling(rows_per_lane=4, warps=2)])
def test_nvrtc_compiles_the_kernels(architecture: str, tiling: Tiling) -> None:
    library = nvrtc()
    assert library is not None, "NVRTC is not here: nvidia-cuda-nvrtc-cu12 of the dev extra brings it"
    answer, log = compile_by(library, source(tiling), [*OPTIONS, f"--gpu-architecture={architecture}"])
    assert answer == 0, log


@pytest.mark.skipif(NVCC is None, reason="nvcc is not here")
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_nvcc_compiles_the_kernels_without_spilling_registers(tmp_path: Path, architecture: str) -> None:
    code = tmp_path / "kernel.cu"
    code.write_text(source(TILING))
    command = [str(NVCC), *OPTIONS, f"-arch={architecture}", "-cubin", "-Xptxas", "-v", "-Werror", "all-warnings"]
    built = subprocess.run(
        [*command, "-o", str(tmp_path / "out"), str(code)], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    assert built.stderr.count("0 bytes spill stores, 0 bytes spill loads") == 3, built.stderr
