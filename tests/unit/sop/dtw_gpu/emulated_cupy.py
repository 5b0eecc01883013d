# SPDX-License-Identifier: Apache-2.0
"""As much of CuPy as the alignment uses, without a device: arrays are NumPy's, the kernels run in emulator.hpp.

The kernels' source is the shipped one; only the few PTX instructions are replaced. Arrays that CuPy leaves unset are
filled with garbage, and each has margins that a kernel must not touch.
"""

import ctypes
import hashlib
import shutil
import subprocess
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

HERE = Path(__file__).parent
COMPILER = shutil.which("g++")
MARGIN = 256
GARBAGE = 0xAB
NAMES = ("unit_rows", "wavefront", "walk_back")


def emulated(code: str) -> str:
    """Put the emulator where a device's instructions stand, and a door for ctypes behind the kernels."""
    instructions = files("ovpo.sop.dtw.gpu").joinpath("instructions.cuh").read_text("utf-8")
    assert code.count(instructions) == 1
    doors = "".join(
        f"""
        extern "C" const char* start_{name}(void** given, const int* sizes, int count, int blocks, int threads,
            int shared, int resident, unsigned long long seed, const float* readable, const float* readable_end) {{
          emulator::readable = readable;
          emulator::readable_end = readable_end;
          return emulator::start({name}, given, sizes, count, blocks, threads, shared, resident, seed);
        }}"""
        for name in NAMES
    )
    return code.replace(instructions, (HERE / "emulator.hpp").read_text()) + doors


def build(code: str, folder: Path) -> ctypes.CDLL:
    """Compile a source, once for each text."""
    text = emulated(code)
    stem = folder / hashlib.sha256(text.encode()).hexdigest()[:16]
    library = stem.with_suffix(".so")
    if not library.exists():
        stem.with_suffix(".cpp").write_text(text)
        flags = ["-std=c++20", "-O1", "-ffp-contract=off", "-Wno-unknown-pragmas", "-shared", "-fPIC"]
        command = [str(COMPILER), *flags, "-o", str(library), str(stem.with_suffix(".cpp"))]
        subprocess.run(command, check=True)
    return ctypes.CDLL(str(library))


class Device:
    """A stand-in for the module `cupy`; what is not defined here is NumPy's."""

    def __init__(self, folder: Path, *, seed: int = 1, resident: int = 3, free: int = 1 << 30) -> None:
        self.folder = folder
        self.seed = seed
        self.resident = resident
        self.launches: list[str] = []
        self.guarded: list[Any] = []
        self.allocated = 0
        memory = SimpleNamespace(OutOfMemoryError=MemoryError)
        runtime = SimpleNamespace(memGetInfo=lambda: (free, free), getDeviceCount=lambda: 1)
        nvrtc = SimpleNamespace(getVersion=lambda: (12, 9))
        self.cuda = SimpleNamespace(
            memory=memory,
            runtime=runtime,
            nvrtc=nvrtc,
            Device=lambda: SimpleNamespace(id=0, compute_capability="90"),
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def get_default_memory_pool(self) -> SimpleNamespace:
        """Keep nothing."""
        return SimpleNamespace(free_bytes=lambda: 0)

    def RawModule(self, *, code: str, options: tuple[str, ...]) -> SimpleNamespace:  # noqa: N802
        """Compile."""
        assert options == ("-std=c++17",)
        library = build(code, self.folder)
        return SimpleNamespace(get_function=lambda name: Kernel(self, library, name))

    def asnumpy(self, array: Any) -> Any:
        """Bring an array back."""
        self.check_margins()
        return np.array(array)

    def empty(self, shape: Any, dtype: Any) -> Any:
        """Give garbage between margins."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        self.allocated += size
        held = np.full(size + 2 * MARGIN, GARBAGE, np.uint8)
        self.guarded.append(held)
        return held[MARGIN : MARGIN + size].view(dtype).reshape(shape)

    def empty_like(self, array: Any) -> Any:
        """Give garbage of the same form."""
        return self.empty(array.shape, array.dtype)

    def zeros(self, shape: Any, dtype: Any) -> Any:
        """Give zeros between margins."""
        array = self.empty(shape, dtype)
        array[...] = 0
        return array

    def check_margins(self) -> None:
        """Fail if a kernel wrote beside an array."""
        for held in self.guarded:
            assert (held[:MARGIN] == GARBAGE).all(), "a kernel wrote before an array"
            assert (held[-MARGIN:] == GARBAGE).all(), "a kernel wrote behind an array"
        self.guarded.clear()


class Kernel:
    """A function of a module."""

    def __init__(self, device: Device, library: ctypes.CDLL, name: str) -> None:
        self.device = device
        self.name = name
        self.max_dynamic_shared_size_bytes = 48 * 1024
        self.start: Callable[..., bytes | None] = library[f"start_{name}"]
        self.start.restype = ctypes.c_char_p

    def __call__(
        self, grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...], *, shared_mem: int = 0
    ) -> None:
        """Launch and wait."""
        assert shared_mem <= self.max_dynamic_shared_size_bytes
        assert len(grid) == len(block) == 1
        for array in args:
            assert array.flags.c_contiguous, "a kernel was given an array with gaps"
        held = [np.array(arg.ctypes.data if isinstance(arg, np.ndarray) else arg) for arg in args]
        addresses = (ctypes.c_void_p * len(held))(*(value.ctypes.data for value in held))
        sizes = (ctypes.c_int * len(held))(*(value.nbytes for value in held))
        first = args[0]
        edges = (first.ctypes.data, first.ctypes.data + first.nbytes) if isinstance(first, np.ndarray) else (0, 0)
        self.device.launches.append(self.name)
        self.device.seed += 1
        wrong = self.start(
            addresses,
            sizes,
            len(held),
            grid[0],
            block[0],
            shared_mem,
            self.device.resident,
            ctypes.c_uint64(self.device.seed),
            *(ctypes.c_void_p(edge) for edge in edges),
        )
        if wrong:
            raise RuntimeError(wrong.decode())


def broken(code: str, fault: str, remedy: str) -> str:
    """Give a source in which one thing is wrong, to see that it would be found."""
    assert code.count(fault) == 1
    return code.replace(fault, remedy)
