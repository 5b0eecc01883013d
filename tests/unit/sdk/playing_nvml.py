# SPDX-License-Identifier: Apache-2.0
"""A library that plays NVML: three GPUs, which say what a test has for them."""

from types import ModuleType, SimpleNamespace
from typing import Any


class NVMLError(Exception):
    def __init__(self, value: int) -> None:
        super().__init__(f"code {value}")
        self.value = value


class Nvml(ModuleType):
    """A library with three GPUs; each says what `memory`, `use` and `heat` have for it, or raises it."""

    NVMLError = NVMLError
    NVML_TEMPERATURE_GPU = 0
    NVML_ERROR_NOT_SUPPORTED = 3

    def __init__(self) -> None:
        super().__init__("pynvml")
        self.memory: list[Any] = [2**30, 2**31, 2**32]
        self.use: list[Any] = [10, 20, 30]
        self.heat: list[Any] = [40, 50, 60]
        self.driver: NVMLError | None = None
        self.open = 0
        self.looks = 0

    def nvmlInit(self) -> None:  # noqa: N802
        if self.driver is not None:
            raise self.driver
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.memory)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetUUID(self, handle: int) -> str:  # noqa: N802
        return f"GPU-{handle}aaa"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:  # noqa: N802
        self.looks += 1
        return SimpleNamespace(used=self._said(self.memory[handle]))

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:  # noqa: N802
        return SimpleNamespace(gpu=self._said(self.use[handle]))

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> Any:  # noqa: N802
        return self._said(self.heat[handle])

    @staticmethod
    def _said(value: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return value
