# SPDX-License-Identifier: Apache-2.0
"""The tiers that a tenant may have, and the file that says what each of them allows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from ovpo.foundation.cache import Budget
from ovpo.foundation.settings.faults import SettingsError

_TAKES: Final = (
    "each of free, pro and enterprise takes a section of requests, per_seconds and burst, whole numbers of at least 1"
)
_Number = Annotated[int, Meta(ge=1, le=1_000_000_000)]


class Tier(StrEnum):
    """What a tenant may use; the table of tenants takes the same three."""

    FREE = "free"
    PRO = "pro"
    ENTERPRISE = "enterprise"


class _Rate(Struct, frozen=True, forbid_unknown_fields=True):
    requests: _Number
    per_seconds: _Number
    burst: _Number


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    free: _Rate
    pro: _Rate
    enterprise: _Rate


@dataclass(frozen=True, slots=True)
class TierFile:
    """Where a service's rates come from: a person's file by a setting, else the packaged one."""

    setting: str
    given: Path | None
    packaged: Traversable


def load_tiers(file: TierFile) -> Mapping[Tier, Budget]:
    """Read the budgets of all tiers."""
    source = file.given or file.packaged
    try:
        read = msgspec.toml.decode(source.read_bytes(), type=_File)
    except (OSError, msgspec.DecodeError, ValueError) as error:
        raise SettingsError([f"{file.setting}: {source}: {error}; {_TAKES}"]) from None
    rates = {Tier.FREE: read.free, Tier.PRO: read.pro, Tier.ENTERPRISE: read.enterprise}
    return {
        tier: Budget(rate.requests, timedelta(seconds=rate.per_seconds), rate.burst) for tier, rate in rates.items()
    }
