# SPDX-License-Identifier: Apache-2.0
"""How long each class of data is kept: the contract's defaults, what a tenant overrides, and what holds of both. Pure.

Nothing is deleted here: this only says after how many days data leaves each stage.
"""

from itertools import pairwise
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_DAYS: Final = 36_500
Days = Annotated[int, Field(strict=True, ge=1, le=MOST_DAYS)]
_CLOSED: Final = ConfigDict(frozen=True, extra="forbid")


class Stages(BaseModel):
    """Days after which data that cools down leaves each stage."""

    model_config = _CLOSED
    hot_days: Days | None = Field(None, description="Days on the fastest store", examples=[7])
    warm_days: Days | None = Field(None, description="Days until it is rarely read", examples=[90])
    cold_days: Days | None = Field(None, description="Days until it is kept only for the record", examples=[365])
    purge_days: Days | None = Field(None, description="Days until it is deleted", examples=[730])


class AuditStages(BaseModel):
    """Days after which the audit log leaves each stage; it is never deleted."""

    model_config = _CLOSED
    hot_days: Days | None = Field(None, description="Days on the fastest store", examples=[30])
    warm_days: Days | None = Field(None, description="Days until it is rarely read", examples=[180])
    cold_days: Days | None = Field(None, description="Days until it is kept only for the record", examples=[2555])


class EphemeralStages(BaseModel):
    """Days after which artifacts that serve a while leave each stage; their own `ttl_hours` goes before."""

    model_config = _CLOSED
    hot_days: Days | None = Field(None, description="Days on the fastest store", examples=[7])
    purge_days: Days | None = Field(None, description="Days until they are deleted", examples=[30])


class OutputStages(BaseModel):
    """Days after which primary outputs go; they are the user's, and stay unless the tenant says otherwise."""

    model_config = _CLOSED
    purge_days: Days | None = Field(None, description="Days until they are deleted; none: never", examples=[3650])


class Retention(BaseModel):
    """Days by class of data and stage. In overrides, what is left out keeps its default."""

    model_config = _CLOSED
    traces: Stages = Field(Stages(), description="Traces and spans")
    frames: Stages = Field(Stages(), description="Frame events and metrics")
    audit: AuditStages = Field(AuditStages(), description="The audit log")
    ephemeral_artifacts: EphemeralStages = Field(EphemeralStages(), description="Intermediate artifacts")
    primary_outputs: OutputStages = Field(OutputStages(), description="Videos that were made")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        """Refuse overrides with which data would leave a stage before the one before it."""
        for name, stages in effective_stages(self).items():
            for (earlier, before), (later, after) in pairwise(stages.items()):
                if before > after:
                    raise ValueError(
                        f"{name}.{earlier} is {before} and {name}.{later} {after} with the defaults; give both so that "
                        f"{later} is the larger"
                    )
        return self

    def overrides(self) -> dict[str, dict[str, int]]:
        """Give what was set, as it is kept."""
        given: dict[str, dict[str, int]] = self.model_dump(exclude_none=True)
        return {name: stages for name, stages in given.items() if stages}


DEFAULTS: Final[dict[str, dict[str, int]]] = {
    "traces": {"hot_days": 7, "warm_days": 90, "cold_days": 365, "purge_days": 730},
    "frames": {"hot_days": 7, "warm_days": 30, "cold_days": 90, "purge_days": 180},
    "audit": {"hot_days": 30, "warm_days": 183, "cold_days": 2557},
    "ephemeral_artifacts": {"hot_days": 7, "purge_days": 30},
    "primary_outputs": {},
}
"""The contract's table in days: six months are 183, seven years 2557."""


def effective_stages(given: Retention) -> dict[str, dict[str, int]]:
    """Give the days that hold: those that were set, else the contract's."""
    overrides = given.overrides()
    return {name: {**defaults, **overrides.get(name, {})} for name, defaults in DEFAULTS.items()}


def effective(given: Retention) -> Retention:
    """Give the days that hold, as a whole."""
    return Retention.model_validate(effective_stages(given))
