# SPDX-License-Identifier: Apache-2.0
"""What may be asked of the analytics: windows, filters, buckets, as the URL and bodies spell them. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from ovpo.foundation.http.fields import Moment, TraceId
from ovpo.telemetry.contract.records import TraceStatus

DEFAULT_WINDOW: Final = timedelta(days=30)
LONGEST_WINDOW: Final = timedelta(days=400)
LONGEST_BY_HOUR: Final = timedelta(days=62)
MOST_TAGS: Final = 10
MOST_TRACES: Final = 1000
_LAST_YEAR: Final = 2099
_TAG: Final = re.compile(r"([a-z0-9_-]{1,256})=([^\x00,]{0,256})")
_STATUSES: Final = tuple(status.value for status in TraceStatus)


class QuestionError(Exception):
    """A question that cannot be answered: which field, and what it takes."""

    def __init__(self, field: str, takes: str) -> None:
        super().__init__(f"{field}: {takes}")
        self.field = field
        self.takes = takes


class Bucket(StrEnum):
    """How a window is divided."""

    HOUR = "hour"
    DAY = "day"


class GroupBy(StrEnum):
    """What else a table is divided by."""

    MODEL = "model"


class QualityMetric(StrEnum):
    """The quality metrics of the contract."""

    MOTION_SCORE = "motion_score"
    TEMPORAL_CONSISTENCY = "temporal_consistency"
    CONTRAST_RATIO = "contrast_ratio"
    BRIGHTNESS_AVG = "brightness_avg"
    EDGE_DENSITY = "edge_density"
    NOISE_ESTIMATE = "noise_estimate"
    CLIP_TEXT_SIMILARITY = "clip_text_similarity"
    CLIP_IMAGE_SIMILARITY = "clip_image_similarity"
    AESTHETIC_SCORE = "aesthetic_score"
    ARTIFACT_SCORE = "artifact_score"
    NSFW_SCORE = "nsfw_score"


def _statuses(text: str) -> str:
    if any(name not in _STATUSES for name in text.split(",")):
        raise PydanticCustomError(
            "statuses", "takes one or more of {names}, separated by commas", {"names": ", ".join(_STATUSES)}
        )
    return text


def _tags(text: str) -> str:
    found = [_TAG.fullmatch(part) for part in text.split(",")]
    keys = {one[1] for one in found if one}
    if len(found) > MOST_TAGS or len(keys) < len(found):
        raise PydanticCustomError(
            "tags",
            "takes key=value,key=value, each key once, at most {most}; a key of a-z, 0-9, _ and -",
            {"most": MOST_TAGS},
        )
    return text


Line = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00]*$")]
Statuses = Annotated[
    str,
    Field(max_length=200),
    AfterValidator(_statuses),
    WithJsonSchema({"type": "string", "pattern": "^({0})(,({0}))*$".format("|".join(_STATUSES))}),
]
Tags = Annotated[str, Field(max_length=6_000), AfterValidator(_tags)]


class Windowed(BaseModel):
    """The part of time that is asked about."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start_date: Moment | None = Field(
        None, description="First moment or day of the window; 30 days before its end unless given"
    )
    end_date: Moment | None = Field(
        None, description="Moment or day that ends the window and is not in it; now unless given"
    )


class BottlenecksQuestion(Windowed):
    """Which traces' spans, and whether their models stand apart."""

    status: Statuses | None = Field(None, description="Traces of any of these", examples=["COMPLETED,PARTIAL"])
    tags: Tags | None = Field(None, description="Traces with all of these", examples=["team=studio,shot=12"])
    model: Line | None = Field(None, description="Traces of this model", examples=["wan-2.1"])
    project: Line | None = Field(None, description="Traces put down to this project", examples=["trailer"])
    group_by: GroupBy | None = Field(None, description="A row for each model and kind of span")


class QualityQuestion(Windowed):
    """Which metric of which frames."""

    metric: QualityMetric = Field(description="The quality metric", examples=["aesthetic_score"])
    model: Line | None = Field(None, description="Frames of traces of this model", examples=["wan-2.1"])
    bucket: Bucket = Field(Bucket.DAY, description="How the window is divided; by hour it may have 62 days")


class ThroughputQuestion(Windowed):
    """Which traces are counted."""

    model: Line | None = Field(None, description="Traces of this model", examples=["wan-2.1"])
    project: Line | None = Field(None, description="Traces put down to this project", examples=["trailer"])
    bucket: Bucket = Field(Bucket.DAY, description="How the window is divided; by hour it may have 62 days")


class CostsQuestion(BaseModel):
    """Which traces are to be priced, and by which factors."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"trace_ids": ["5d8f4c3e-2b1a-4f6e-9c7d-8a9b0c1d2e3f"]}]},
    )

    trace_ids: list[TraceId] = Field(
        min_length=1, max_length=MOST_TRACES, description="One that stands twice counts once"
    )
    pricing_profile: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        "default", description="Name of a set of hardware factors; `default` is the one that the processor counts by"
    )


@dataclass(frozen=True, slots=True)
class Window:
    """From a moment to the one that ends it."""

    start: datetime
    end: datetime

    @property
    def given(self) -> dict[str, str]:
        """Give the parameters of a statement of ClickHouse."""
        return {"start": _spelled(self.start), "end": _spelled(self.end)}

    @property
    def in_hours(self) -> "Window":
        """Widen it to whole hours, for what is kept by the hour."""
        floor = self.start.replace(minute=0, second=0, microsecond=0)
        last = self.end.replace(minute=0, second=0, microsecond=0)
        return Window(floor, last if last == self.end else last + timedelta(hours=1))


def window(asked: Windowed, now: datetime, longest: timedelta = LONGEST_WINDOW) -> Window:
    """Give the window that is asked about; raise QuestionError where it has no length, or too much."""
    end = asked.end_date or now
    start = asked.start_date or end - DEFAULT_WINDOW
    if end.year > _LAST_YEAR:
        raise QuestionError("end_date", f"takes a moment before the year {_LAST_YEAR + 1}")
    if start >= end:
        raise QuestionError("start_date", "takes a moment before end_date, which is now unless it is given")
    if end - start > longest:
        more = "; divide by day for more" if longest < LONGEST_WINDOW else ""
        raise QuestionError("start_date", f"takes a moment at most {longest.days} days before end_date{more}")
    return Window(start, end)


def longest_by(bucket: Bucket) -> timedelta:
    """Give the longest window that may be divided so."""
    return LONGEST_BY_HOUR if bucket is Bucket.HOUR else LONGEST_WINDOW


def chosen(
    *, model: str | None = None, project: str | None = None, status: str | None = None, tags: str | None = None
) -> dict[str, Any]:
    """Give filters as the parameters of a statement of ClickHouse: an empty list takes every trace."""
    pairs = [pair.split("=", 1) for pair in tags.split(",")] if tags else []
    return {
        "models": [] if model is None else [model],
        "projects": [] if project is None else [project],
        "statuses": status.split(",") if status else [],
        "tag_keys": [key for key, _ in pairs],
        "tag_values": [value for _, value in pairs],
    }


def told(asked: Windowed) -> dict[str, Any]:
    """Give the filters for a log or the audit: of tags their keys only, whose values may be about people."""
    given = asked.model_dump(mode="json", exclude_none=True)
    if "tags" in given:
        given["tags"] = [pair.split("=", 1)[0] for pair in given["tags"].split(",")]
    return given


def _spelled(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
