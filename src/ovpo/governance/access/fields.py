# SPDX-License-Identifier: Apache-2.0
"""Types of the parameters and bodies that the administration of tenants and keys takes: their limits, nothing else."""

from typing import Annotated

from fastapi import Header, Path, Query
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from ovpo.governance.access.cursor import LONGEST


def _plain(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise PydanticCustomError("text_plain", "takes visible characters, with no white space around them")
    return text


Text = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)]
TenantIdText = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,128}$", examples=["acme-video"])]
HardwareName = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$", examples=["rtx_4090"])]
TenantId = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,128}$", description="The tenant's id", examples=["acme-video"])]
Prefix = Annotated[str, Path(pattern=r"^[a-z0-9]{8}$", description="The public part of the key", examples=["k3v9x2ab"])]
Limit = Annotated[int, Query(ge=1, le=1000, description="Most rows of a page")]
Cursor = Annotated[
    str | None, Query(max_length=LONGEST, description="`next_cursor` of the page before, for the next one")
]
IfMatch = Annotated[
    str | None,
    Header(max_length=1_000, description="ETag of the state that the change is meant for; another state gives 409"),
]
