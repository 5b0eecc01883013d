# SPDX-License-Identifier: Apache-2.0
"""How the GPU is doing, looked at every so often by a thread of its own.

It asks NVIDIA's management library (`nvidia-ml-py`, the extra `gpu`), which creates no CUDA context and takes no GPU
memory. Where the module, the driver or a GPU is missing there are no metrics, and nothing is said of it.
"""

import importlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from ovpo_sdk.records import GpuMetrics

_MEBIBYTE: Final = 2**20
_HOTTEST: Final = 120.0
"""The contract's highest temperature; what reads higher is no reading."""
_log: Final = logging.getLogger("ovpo_sdk")


class GpuSampler:
    """Looks at GPUs from when it is made until `stop`.

    `visible` is what CUDA_VISIBLE_DEVICES says, in places or UUIDs. `indices` are places among the visible GPUs, as
    CUDA counts them; without them it is the first alone, which is the one that a program uses unless it chooses. Of
    several, the metrics hold the sum of their memory, the mean of their use and the highest temperature. Memory is in
    MiB, all of the GPU's that is in use, as nvidia-smi shows it.
    """

    def __init__(self, seconds: float, indices: Sequence[int] | None = None, *, visible: str | None = None) -> None:
        self._seconds = seconds
        self._indices = tuple(indices) if indices is not None else (0,)
        self._visible = visible
        self._last: GpuMetrics | None = None
        self._available = _has_library()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._start()

    @property
    def available(self) -> bool:
        """Whether there may be metrics: False as soon as it is known that there will be none."""
        return self._available

    def last(self) -> GpuMetrics | None:
        """Give what was seen last, or None before the first look and when there is nothing to see."""
        return self._last

    def stop(self) -> None:
        """Look no more. It does not wait for the thread, which may be within a slow driver."""
        self._stopping.set()
        self._last = None
        self._available = False

    def restart_after_fork(self) -> None:
        """Go on in a child process, in which no thread of its parent's lives."""
        if self._available:
            self._last = None
            self._stopping = threading.Event()
            self._start()

    def _start(self) -> None:
        if self._available:
            self._thread = threading.Thread(
                target=self._run, args=(self._stopping,), name="ovpo-gpu-sampler", daemon=True
            )
            self._thread.start()

    def _run(self, stopping: threading.Event) -> None:
        try:
            with _opened(self._visible, self._indices) as (nvml, devices):
                while devices and not stopping.is_set():
                    metrics = _seen(nvml, devices)
                    if not stopping.is_set():
                        self._last = metrics
                    stopping.wait(self._seconds)
        except Exception as error:  # noqa: BLE001 - whatever a driver does, the program that is watched goes on
            _log.warning("ovpo: the GPU cannot be looked at any more (%s); frames come without GPU metrics", error)
        finally:
            self._last = None
            self._available = False


def _has_library() -> bool:
    """Import it on the caller's thread: a child that is forked while another thread imports waits for ever."""
    try:
        importlib.import_module("pynvml")
    except ImportError:
        return False
    return True


def chosen(visible: str | None, indices: Sequence[int], count: int) -> list[int | str]:
    """Tell which GPUs are meant, by NVML's index or by UUID. What CUDA_VISIBLE_DEVICES lists counts up to a mistake."""
    if visible is None:
        seen: list[int | str] = list(range(count))
    else:
        seen = []
        for entry in (part.strip() for part in visible.split(",")):
            if entry.isascii() and entry.isdigit() and int(entry) < count:
                seen.append(int(entry))
            elif entry.startswith(("GPU-", "MIG-")):
                seen.append(entry)
            else:
                break
    return [seen[index] for index in indices if 0 <= index < len(seen)]


@contextmanager
def _opened(visible: str | None, indices: Sequence[int]) -> Iterator[tuple[Any, list[Any]]]:
    """Give the library and its handles of the GPUs that are meant; none where something is missing."""
    try:
        nvml: Any = importlib.import_module("pynvml")
    except ImportError:
        yield None, []
        return
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        yield nvml, []
        return
    try:
        count = nvml.nvmlDeviceGetCount()
        found = [_handle(nvml, one, count) for one in chosen(visible, indices, count)]
        yield nvml, [handle for handle in found if handle is not None]
    finally:
        nvml.nvmlShutdown()


def _handle(nvml: Any, one: int | str, count: int) -> Any:
    """Find a GPU, or None; CUDA takes a UUID's beginning for the whole."""
    if isinstance(one, int):
        return nvml.nvmlDeviceGetHandleByIndex(one)
    if one.startswith("MIG-"):
        return nvml.nvmlDeviceGetHandleByUUID(one)
    for index in range(count):
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        uuid = nvml.nvmlDeviceGetUUID(handle)
        if (uuid if isinstance(uuid, str) else uuid.decode()).startswith(one):
            return handle
    return None


def _seen(nvml: Any, devices: Sequence[Any]) -> GpuMetrics:
    memory = _read(nvml, lambda one: nvml.nvmlDeviceGetMemoryInfo(one).used / _MEBIBYTE, devices)
    use = _read(nvml, lambda one: float(nvml.nvmlDeviceGetUtilizationRates(one).gpu), devices)
    heat = _read(nvml, lambda one: float(nvml.nvmlDeviceGetTemperature(one, nvml.NVML_TEMPERATURE_GPU)), devices)
    sane = [one for one in heat if 0.0 <= one <= _HOTTEST]
    return GpuMetrics(
        vram_used_mb=sum(memory) if memory else None,
        gpu_utilization_pct=min(sum(use) / len(use), 100.0) if use else None,
        temperature_c=max(sane) if sane else None,
    )


def _read(nvml: Any, look: Callable[[Any], float], devices: Sequence[Any]) -> list[float]:
    """Look at each GPU; a slice of one (MIG) does not know everything of itself."""
    values = []
    for device in devices:
        try:
            values.append(look(device))
        except nvml.NVMLError as error:
            if error.value != nvml.NVML_ERROR_NOT_SUPPORTED:
                raise
    return values
