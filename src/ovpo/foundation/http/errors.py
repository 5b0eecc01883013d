# SPDX-License-Identifier: Apache-2.0
"""The errors that an API may answer with: codes, their status, the error that is raised, the body that is sent. Pure.

Which exception becomes which error is the business of `translate`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, Field


class Code(StrEnum):
    """Every error code of the contract."""

    INVALID_SCHEMA = "INVALID_SCHEMA"
    MISSING_FIELD = "MISSING_FIELD"
    INVALID_FORMAT = "INVALID_FORMAT"
    INVALID_UUID = "INVALID_UUID"
    SCHEMA_MISMATCH = "SCHEMA_MISMATCH"
    FIELD_TOO_LARGE = "FIELD_TOO_LARGE"
    TOO_MANY_ITEMS = "TOO_MANY_ITEMS"
    INVALID_TRANSITION = "INVALID_TRANSITION"
    UNAUTHORIZED = "UNAUTHORIZED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    UNPROCESSABLE = "UNPROCESSABLE"
    """Well formed, but what it names cannot be used so."""
    RATE_LIMIT_EXCEEDED = "RATE_LIMIT_EXCEEDED"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"

    @property
    def status(self) -> int:
        """Give the HTTP status that the code is sent with."""
        return _STATUS.get(self, 400)


_STATUS: Final[Mapping[Code, int]] = {
    Code.UNAUTHORIZED: 401,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.CONFLICT: 409,
    Code.PAYLOAD_TOO_LARGE: 413,
    Code.UNSUPPORTED_MEDIA_TYPE: 415,
    Code.UNPROCESSABLE: 422,
    Code.RATE_LIMIT_EXCEEDED: 429,
    Code.INTERNAL_ERROR: 500,
    Code.SERVICE_UNAVAILABLE: 503,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong, as the client is told; `status` and `headers` only where the code does not say it all."""

    code: Code
    message: str
    details: Mapping[str, Any] | None = None
    retry_after: int | None = None
    status: int | None = None
    headers: Mapping[str, str] | None = None


class ApiError(Exception):
    """Raised where a request cannot be answered as asked; the one error of the HTTP boundary."""

    def __init__(
        self, code: Code, message: str, *, details: Mapping[str, Any] | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self._fault = Fault(code, message, details, retry_after)

    @property
    def fault(self) -> Fault:
        """Give what the client is told."""
        return self._fault


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: Code = Field(description="What kind of error it is")
    message: str = Field(description="What is wrong and how to mend it, for a person")
    request_id: str = Field(description="Id of the request; quote it when you ask for help")
    details: dict[str, Any] | None = Field(None, description="More about it, by kind of error")
    retry_after: int | None = Field(None, description="Seconds after which the same request may succeed")


class ErrorAnswer(BaseModel):
    """The body of every answer that is an error."""

    error: ErrorDetail


def body(fault: Fault, request_id: str) -> dict[str, Any]:
    """Give the error body; what there is nothing to say about is left out."""
    said: dict[str, Any] = {"code": fault.code.value, "message": fault.message, "request_id": request_id}
    if fault.details is not None:
        said["details"] = dict(fault.details)
    if fault.retry_after is not None:
        said["retry_after"] = fault.retry_after
    return {"error": said}
