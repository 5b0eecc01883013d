# SPDX-License-Identifier: Apache-2.0
"""What may be asked of the frames of a trace, as the URL spells it. Pure."""

import re
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from ovpo.telemetry.contract.records import EventType
from ovpo.telemetry.query.events import METRICS
from ovpo.telemetry.query.questions import comma_list, once, one_or_more
from ovpo.telemetry.query.timeline import LAST_INDEX, LAST_MS, Stretch

MOST_METRICS: Final = 8
DEFAULT_METRICS: Final = ("temporal_consistency", "clip_text_similarity", "vram_used_mb", "gpu_utilization_pct")
_NAME: Final = re.compile(r"[^\x00,]{1,128}")


def _metrics(given: Any) -> Any:
    value = once(given)
    if not isinstance(value, str):
        return value
    names = tuple(name.strip() for name in value.split(","))
    if len(names) > MOST_METRICS or len(set(names)) < len(names) or not all(map(_NAME.fullmatch, names)):
        raise PydanticCustomError(
            "metrics",
            "takes up to {most} different names, separated by commas: {names}, or a metric of the sender's own",
            {"most": MOST_METRICS, "names": ", ".join(METRICS)},
        )
    return names


MetricNames = Annotated[
    tuple[str, ...],
    BeforeValidator(_metrics),
    WithJsonSchema({"type": "string", "examples": ["temporal_consistency,vram_used_mb"]}),
]
EventTypes = Annotated[tuple[str, ...], one_or_more(EventType), comma_list(EventType)]


class StretchQuery(BaseModel):
    """A stretch of a trace's frames, by media time or by index."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    from_ms: float = Field(0.0, ge=0, le=LAST_MS, allow_inf_nan=False, description="First media time")
    to_ms: float = Field(LAST_MS, ge=0, le=LAST_MS, allow_inf_nan=False, description="Last media time")
    from_index: int = Field(0, ge=0, le=LAST_INDEX, description="First frame")
    to_index: int = Field(LAST_INDEX, ge=0, le=LAST_INDEX, description="Last frame")
    event_type: EventTypes = Field(tuple(sorted(EventType)), description="Any of these")
    metrics: MetricNames = Field(DEFAULT_METRICS, description="Which numbers")
    points: int = Field(1_000, ge=1, le=5_000, description="Most points; more frames than that come as buckets")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ms > self.to_ms or self.from_index > self.to_index:
            raise PydanticCustomError("stretch", "from_ms and from_index take no more than to_ms and to_index")
        return self

    @property
    def stretch(self) -> Stretch:
        """Give what the stores are asked."""
        return Stretch(
            self.from_ms, self.to_ms, self.from_index, self.to_index, self.event_type, self.metrics, self.points
        )
