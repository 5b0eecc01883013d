# SPDX-License-Identifier: Apache-2.0
"""Types of the parameters and bodies that several routes of the SOP API take: their limits, nothing else."""

import re
from typing import Annotated, Final, Self

from fastapi import Header, Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from ovpo.foundation.http.fields import Moment
from ovpo.sop.api.cursors import LONGEST

TASK: Final = r"^[a-z0-9][a-z0-9_-]{0,63}$"
UUID_TEXT: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
_UUID: Final = re.compile(UUID_TEXT.strip("^$"))
_HEADER: Final = 4096


def _id(value: str) -> str:
    if not _UUID.fullmatch(value):
        raise PydanticCustomError("uuid_text", "takes a UUID in lower case with hyphens")
    return value


def _plain(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise PydanticCustomError("text_plain", "takes visible characters, with no white space around them")
    return text


def _written(text: str) -> str:
    if not all(letter.isprintable() or letter in "\n\t" for letter in text):
        raise PydanticCustomError("text_written", "takes visible characters, tabs and line breaks")
    return text


Id = Annotated[
    str,
    AfterValidator(_id),
    WithJsonSchema(
        {
            "type": "string",
            "format": "uuid",
            "pattern": UUID_TEXT,
            "description": "A UUID in lower case with hyphens",
            "examples": ["1243f7dc-6290-4b1d-bf6f-d5231213dfe7"],
        }
    ),
]
"""An id of a video, a score or a training; what came from the watched folder has ids of version 5."""
Plain = AfterValidator(_plain)
Task = Annotated[str, Field(pattern=TASK, examples=["make-coffee"])]
Place = Annotated[str, Field(max_length=128), Plain]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", examples=["ab" * 32])]
NoteText = Annotated[str, Field(max_length=4000), AfterValidator(_written)]
TaskPath = Annotated[str, Path(pattern=TASK, description="The procedure", examples=["make-coffee"])]
Range = Annotated[
    str | None, Header(alias="Range", max_length=_HEADER, description="Which bytes, where not all are wanted")
]
IfRange = Annotated[str | None, Header(max_length=_HEADER, description="ETag of the file that the bytes are wanted of")]
IfNoneMatch = Annotated[
    str | None, Header(max_length=_HEADER, description="ETag of the file that the client has already")
]
IfMatch = Annotated[
    str | None, Header(max_length=1000, description="ETag of the state that the change is meant for; another gives 409")
]


class Dated(BaseModel):
    """A period of days or moments."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start_date: Moment | None = Field(None, description="At or after")
    end_date: Moment | None = Field(None, description="Before")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start_date and self.end_date and self.start_date >= self.end_date:
            raise PydanticCustomError("period", "end_date takes a moment after start_date, which is the first included")
        return self

    @property
    def filters(self) -> dict[str, object]:
        """Give all that decides what the list holds; page size and place do not."""
        return self.model_dump(exclude={"limit", "cursor"})


class Paged(Dated):
    """A page of a list over a period."""

    limit: int = Field(100, ge=1, le=1000, description="Most rows of a page")
    cursor: Annotated[str, Field(min_length=1, max_length=LONGEST)] | None = Field(
        None, description="`next_cursor` of the page before"
    )
