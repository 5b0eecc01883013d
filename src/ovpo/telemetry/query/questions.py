# SPDX-License-Identifier: Apache-2.0
"""What may be asked of the list of traces: its filters, its orders, its pages, as the URL spells them. Pure."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from ovpo.foundation.http.fields import Moment
from ovpo.telemetry.contract.records import FailureKind, SpanKind, TraceStatus
from ovpo.telemetry.query.cursors import MOST_CHARACTERS

MOST_TAGS: Final = 10
_KIND: Final = "SPAN_KIND_"
_TAG: Final = re.compile(r"([a-z0-9_-]{1,256})=([^\x00,]{0,256})")
_COMPARISON: Final = re.compile(r"(>=|<=|>|<|=)? ?([0-9]{1,9})")


class OrderBy(StrEnum):
    """The columns that a list may be ordered by."""

    CREATED_AT = "created_at"
    STARTED_AT = "started_at"
    COMPLETED_AT = "completed_at"
    STATUS = "status"
    MODEL = "model"
    PROJECT = "project"
    DURATION = "total_ms"
    SPANS = "spans"
    FRAMES = "frames"
    UNITS = "compute_units"
    VRAM = "peak_vram_mb"
    VIOLATIONS = "violations"


class Direction(StrEnum):
    """Which end of an order comes first."""

    ASCENDING = "asc"
    DESCENDING = "desc"


class Comparison(StrEnum):
    """How a number is compared."""

    ABOVE = ">"
    AT_LEAST = ">="
    BELOW = "<"
    AT_MOST = "<="
    EXACTLY = "="


def once(value: Any) -> Any:
    """Give the one value of a parameter, which the framework hands over as a list where the field holds many."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def one_or_more(kind: type[StrEnum], prefix: str = "") -> BeforeValidator:
    """Read a comma list of names, which are those of an enumeration without its prefix."""
    names = [one.value.removeprefix(prefix) for one in kind]

    def read(given: Any) -> Any:
        value = once(given)
        if not isinstance(value, str):
            return value
        wanted = [name.strip().removeprefix(prefix) for name in value.split(",")]
        if unknown := [name for name in wanted if name not in names]:
            raise PydanticCustomError(
                "not_of_the_list",
                "takes one or more of {names}, separated by commas, not {unknown}",
                {"names": ", ".join(names), "unknown": unknown[0][:40] or "nothing"},
            )
        return tuple(sorted({f"{prefix}{name}" for name in wanted}))

    return BeforeValidator(read)


def comma_list(kind: type[StrEnum], prefix: str = "") -> WithJsonSchema:
    """Describe such a list in OpenAPI."""
    names = [one.value.removeprefix(prefix) for one in kind]
    one = "|".join(names)
    return WithJsonSchema({"type": "string", "pattern": f"^({one})(,({one}))*$", "examples": [",".join(names[:2])]})


def _tags(given: Any) -> Any:
    value = once(given)
    if not isinstance(value, str):
        return value
    found = [_TAG.fullmatch(part.strip()) for part in value.split(",")]
    if len(found) > MOST_TAGS or not all(found):
        raise PydanticCustomError(
            "tags", "takes key=value,key=value, at most {most}; a key of a-z, 0-9, _ and -", {"most": MOST_TAGS}
        )
    tags = {one[1]: one[2] for one in found if one}
    if len(tags) < len(found):
        raise PydanticCustomError("tags", "takes each key once: a trace has one value of it")
    return tuple(sorted(tags.items()))


def _violations(given: Any) -> Any:
    value = once(given)
    if not isinstance(value, str):
        return value
    found = _COMPARISON.fullmatch(value.strip())
    if found is None:
        raise PydanticCustomError("comparison", "takes a number, or >, >=, <, <= and a number, such as >0")
    return Comparison(found[1] or "="), int(found[2])


Tags = Annotated[
    tuple[tuple[str, str], ...],
    BeforeValidator(_tags),
    WithJsonSchema({"type": "string", "examples": ["team=studio,shot=12"]}),
]
Violations = Annotated[
    tuple[Comparison, int],
    BeforeValidator(_violations),
    WithJsonSchema({"type": "string", "pattern": "^(>=|<=|>|<|=)? ?[0-9]{1,9}$", "examples": [">0"]}),
]
Statuses = Annotated[tuple[str, ...], one_or_more(TraceStatus), comma_list(TraceStatus)]
SpanKinds = Annotated[tuple[str, ...], one_or_more(SpanKind, _KIND), comma_list(SpanKind, _KIND)]
FailureKinds = Annotated[tuple[str, ...], one_or_more(FailureKind), comma_list(FailureKind)]
Line = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00]*$")]


class Filters(BaseModel):
    """Which traces: every filter that is given must hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: Statuses | None = Field(None, description="Any of these")
    start_date: Moment | None = Field(None, description="Created at or after; a day or a moment with its zone")
    end_date: Moment | None = Field(None, description="Created before", examples=["2026-11-22"])
    tags: Tags | None = Field(None, description="All of these: key=value,key=value")
    model: Line | None = Field(None, description="The model's name")
    project: Line | None = Field(None, description="The project that the cost is attributed to")
    span_kind: SpanKinds | None = Field(None, description="Has a span of each of these kinds")
    violations: Violations | None = Field(None, description="How many frame invariants are broken", examples=[">0"])
    failure_kind: FailureKinds | None = Field(None, description="Failed in any of these ways")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start_date and self.end_date and self.start_date >= self.end_date:
            raise PydanticCustomError("period", "end_date takes a moment after start_date, which is the first included")
        return self


class Question(Filters):
    """Which traces, in which order, and which page of them."""

    order_by: OrderBy = Field(OrderBy.CREATED_AT, description="The column to order by; then by created_at and trace_id")
    order_dir: Direction = Field(Direction.DESCENDING, description="Which end of the order comes first")
    limit: int = Field(100, ge=1, le=1000, description="Most traces of a page")
    cursor: Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)] | None = Field(
        None, description="`next_cursor` of the page before"
    )

    @property
    def list_identity(self) -> tuple[object, ...]:
        """Give all that decides what the list holds and in which order; page size and place do not."""
        return tuple(getattr(self, name) for name in sorted(type(self).model_fields) if name not in {"limit", "cursor"})


def kind_of(order: OrderBy) -> type:
    """Give the type of the values of a column."""
    match order:
        case OrderBy.CREATED_AT | OrderBy.STARTED_AT | OrderBy.COMPLETED_AT:
            return datetime
        case OrderBy.STATUS | OrderBy.MODEL | OrderBy.PROJECT:
            return str
        case OrderBy.DURATION | OrderBy.UNITS | OrderBy.VRAM:
            return float
        case _:
            return int
