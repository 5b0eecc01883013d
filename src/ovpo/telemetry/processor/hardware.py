# SPDX-License-Identifier: Apache-2.0
"""What a second of each accelerator counts: the factors of compute units, from a file that carries its version."""

from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from ovpo.foundation.settings.faults import SettingsError

DEFAULT_FILE: Final = Path(__file__).parent / "hardware.toml"
_SETTING: Final = "OVPO_PROCESSOR__HARDWARE"
Factor = Annotated[float, Meta(gt=0, le=1e6)]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,64}$")]


class Hardware(Struct, frozen=True, forbid_unknown_fields=True):
    """Factors by the value of a span's attribute `gpu.model`; `other` is for what is not named or not known."""

    version: Annotated[str, Meta(min_length=1, max_length=64)]
    other: Factor
    factors: dict[Name, Factor]


def load_hardware(file: Path | None) -> Hardware:
    """Read the factors; a fault names the setting, the file and the entry."""
    chosen = file or DEFAULT_FILE
    try:
        return msgspec.toml.decode(chosen.read_bytes(), type=Hardware)
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise SettingsError([f"{_SETTING}: {chosen}: {error}; takes a file like {DEFAULT_FILE.name} of OVPO"]) from None
