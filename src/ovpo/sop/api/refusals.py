# SPDX-License-Identifier: Apache-2.0
"""What the SOP API refuses, as the errors of the contract: unknown, unusable, in another state, or not to be read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.objects.errors import ObjectAccessDeniedError, ObjectNotFoundError
from ovpo.sop.errors import SopError

Answers = dict[int | str, dict[str, Any]]
UNUSABLE: Final[Answers] = {422: {"description": "Something that is named cannot be used so; the message says why"}}


def missing(what: str, identifier: object, field: str) -> ApiError:
    """Say that the caller's tenant has no such thing; another tenant's is not told apart."""
    return ApiError(Code.NOT_FOUND, f"your tenant has no {what} {identifier}", details={"field": field})


def unusable(field: str, why: str, **details: Any) -> ApiError:
    """Say that a field names what cannot be used so."""
    return ApiError(Code.UNPROCESSABLE, f"{field}: {why}", details={"field": field, **details})


def in_the_way(why: str, **details: Any) -> ApiError:
    """Say that the state of things does not allow what was asked for."""
    return ApiError(Code.CONFLICT, why, details=details or None)


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Turn what a store says of an object into the API's errors; the object's key is nobody's business."""
    try:
        yield
    except ObjectNotFoundError as error:
        raise ApiError(Code.NOT_FOUND, f"{what} is not in the store, or not any more") from error
    except ObjectAccessDeniedError as error:
        raise ApiError(Code.FORBIDDEN, f"this server may not read {what}; its operator can change that") from error


@contextmanager
def usable(field: str) -> Iterator[None]:
    """Turn what the engine cannot use into the API's errors."""
    try:
        yield
    except SopError as error:
        raise unusable(field, str(error), reason_code=error.code) from None
