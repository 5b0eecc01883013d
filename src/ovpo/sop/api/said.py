# SPDX-License-Identifier: Apache-2.0
"""What a client says of a video that it uploads, whether its address says it or a form. Pure."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Final
from unicodedata import normalize

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ovpo.foundation.http.errors import ApiError, Code
from ovpo.sop.api.fields import Place, Plain, Task
from ovpo.sop.records.rows import VideoRole

REQUIRED: Final = ("task_id", "role", "name")
_LONGEST_NAME: Final = 255
_FORM: Final = "A form may say it instead"


class Said(BaseModel):
    """What is said of a video; each of it in the address, or as a field of the form."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task_id: Task | None = Field(None, description=f"The procedure that it shows. {_FORM}")
    role: VideoRole | None = Field(None, description=f"What it is in its task. {_FORM}")
    name: Annotated[str, Field(min_length=1, max_length=_LONGEST_NAME), Plain] | None = Field(
        None,
        description="What it is called; a form's file brings its own",
        examples=["monday.mp4"],
    )
    site_id: Place = Field("", description=f"Where it was recorded. {_FORM}", examples=["plant-3"])
    camera_id: Place = Field("", description=f"What recorded it. {_FORM}", examples=["bench-2"])
    operator_id: Place = Field(
        "", description=f"Who is seen. Only its SHA-256 is kept. {_FORM}", examples=["staff-0417"]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What is on record of a video besides its bytes; the operator by hash alone."""

    task_id: str
    role: VideoRole
    name: str
    site_id: str
    camera_id: str
    operator_id_hash: str


def described(said: Said) -> Described:
    """Insist that everything that is needed was said."""
    if said.task_id is None or said.role is None or said.name is None:
        lacking = next(name for name in REQUIRED if getattr(said, name) is None)
        raise ApiError(
            Code.MISSING_FIELD,
            f"{lacking}: is missing; say it in the address or in the form",
            details={"field": lacking},
        )
    return Described(
        task_id=said.task_id,
        role=said.role,
        name=said.name,
        site_id=normalize("NFC", said.site_id),
        camera_id=normalize("NFC", said.camera_id),
        operator_id_hash=operator_hash(said.operator_id),
    )


def said_of(values: dict[str, str]) -> Said:
    """Read what was said, as a form or an address spells it."""
    try:
        return Said.model_validate(values)
    except ValidationError as error:
        raise RequestValidationError(
            [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False)]
        ) from None


def operator_hash(operator_id: str) -> str:
    """Name an operator without telling who it is; nobody stays nobody."""
    return sha256(normalize("NFC", operator_id).encode()).hexdigest() if operator_id else ""


def name_of(file: str) -> str:
    """Give a file's own name, whatever folders a client puts before it, within what is kept of a name."""
    own = file.replace("\\", "/").rpartition("/")[2]
    shown = "".join(letter if letter.isprintable() else "?" for letter in own).strip()
    return shown[-_LONGEST_NAME:].strip() or "video"
