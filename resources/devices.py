# SPDX-License-Identifier: Apache-2.0
"""The accelerators of the machine that a step runs on, as its driver and as CUDA see them. Neither is needed to ask."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

DRIVER = Path("/proc/driver/nvidia")


@dataclass(frozen=True, slots=True)
class Devices:
    """What a machine has: the models that its driver lists, and those that CUDA can compute on.

    `usable` is None when torch is not installed: then nobody has asked CUDA, which is not the same as none.
    """

    driver: str
    listed: tuple[str, ...]
    usable: tuple[str, ...] | None


def observe(driver: Path = DRIVER) -> Devices:
    """Look at this machine."""
    version = driver / "version"
    first_line = version.read_text(encoding="utf-8").splitlines()[0] if version.is_file() else ""
    return Devices(first_line.removeprefix("NVRM version:").strip(), tuple(_listed(driver)), _usable())


def _listed(driver: Path) -> Iterator[str]:
    for file in sorted(driver.glob("gpus/*/information")):
        fields = dict(
            line.split(":", maxsplit=1) for line in file.read_text(encoding="utf-8").splitlines() if ":" in line
        )
        yield fields.get("Model", file.parent.name).strip()


def _usable() -> tuple[str, ...] | None:
    if find_spec("torch") is None:
        return None
    torch = import_module("torch")
    return tuple(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
