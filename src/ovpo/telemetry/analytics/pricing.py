# SPDX-License-Identifier: Apache-2.0
"""Sets of hardware factors by name, from a file: what traces may be priced by."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from ovpo.foundation.settings.faults import SettingsError
from ovpo.telemetry.processor.hardware import Hardware

DEFAULT: Final = "default"
PACKAGED: Final = Path(__file__).parent / "pricing.toml"
SETTING: Final = "OVPO_QUERY__PRICING"
Name = Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,64}$")]
Profiles = Mapping[str, Hardware]


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    profiles: dict[Name, Hardware]


def load_pricing(file: Path | None, default: Hardware) -> Profiles:
    """Read the profiles, with the processor's own factors as `default`; a fault names the setting and the file."""
    chosen = file or PACKAGED
    try:
        read = msgspec.toml.decode(chosen.read_bytes(), type=_File)
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise SettingsError([f"{SETTING}: {chosen}: {error}; takes a file like {PACKAGED.name} of OVPO"]) from None
    if DEFAULT in read.profiles:
        raise SettingsError(
            [f"{SETTING}: {chosen}: profiles.{DEFAULT}: is what OVPO_PROCESSOR__HARDWARE says; give it another name"]
        )
    return {DEFAULT: default, **read.profiles}
