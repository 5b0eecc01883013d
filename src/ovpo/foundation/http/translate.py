# SPDX-License-Identifier: Apache-2.0
"""Which exception becomes which error of the contract: validation's, the framework's, the unexpected. Pure.

The values that a client sent are never repeated to it: they may hold secrets.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException

from ovpo.foundation.http.errors import Code, Fault
from ovpo.foundation.observability.redact import redact_text

MOST_FIELDS: Final = 20
_LONGEST: Final = 300
_BY_STATUS: Final[Mapping[int, Code]] = {
    401: Code.UNAUTHORIZED,
    403: Code.FORBIDDEN,
    404: Code.NOT_FOUND,
    405: Code.NOT_FOUND,
    409: Code.CONFLICT,
    410: Code.NOT_FOUND,
    412: Code.CONFLICT,
    413: Code.PAYLOAD_TOO_LARGE,
    415: Code.UNSUPPORTED_MEDIA_TYPE,
    422: Code.INVALID_SCHEMA,
    429: Code.RATE_LIMIT_EXCEEDED,
    503: Code.SERVICE_UNAVAILABLE,
}
_OF_SCHEMA: Final = frozenset({"extra_forbidden", "unexpected_keyword_argument", "invalid_key"})
UNEXPECTED: Final = Fault(
    Code.INTERNAL_ERROR, "Something went wrong here; the server's log tells more under this request id"
)


def from_validation(problems: Sequence[Mapping[str, Any]]) -> Fault:
    """Name the field of the first problem, and in the details those of the first twenty."""
    if any(_is_of_another_type(problem) for problem in problems):
        return Fault(Code.UNSUPPORTED_MEDIA_TYPE, "This path takes JSON: send it with Content-Type: application/json")
    fields = [_field(problem) for problem in problems[:MOST_FIELDS]]
    first = fields[0] if fields else {"code": Code.INVALID_SCHEMA.value, "field": "body", "message": "does not fit"}
    return Fault(
        Code(first["code"]),
        f"{first['field']}: {first['message']}",
        details={"field": first["field"], "fields": fields, "count": len(problems)},
    )


def from_http(error: HTTPException, method: str) -> Fault:
    """Keep the framework's status and headers, say it with a code of the contract."""
    status = 400 if error.status_code == HTTPStatus.UNPROCESSABLE_ENTITY else error.status_code
    fallback = Code.INVALID_FORMAT if status < HTTPStatus.INTERNAL_SERVER_ERROR else Code.INTERNAL_ERROR
    code = _BY_STATUS.get(error.status_code, fallback)
    message = UNEXPECTED.message if code is Code.INTERNAL_ERROR else _message(error, method)
    return Fault(code, message, status=status, headers=error.headers)


def _message(error: HTTPException, method: str) -> str:
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another method")
        return f"{method[:20]} is not offered on this path; use {allowed}"
    said = error.detail if isinstance(error.detail, str) else ""
    if error.status_code == HTTPStatus.NOT_FOUND and said in {"", "Not Found"}:
        return "There is nothing under this path; /openapi.json lists the paths that exist"
    return redact_text(said)[:_LONGEST] or _phrase(error.status_code)


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in {known.value for known in HTTPStatus} else "The request was refused"


def _field(problem: Mapping[str, Any]) -> dict[str, str]:
    kind, message = str(problem.get("type", "")), str(problem.get("msg", ""))
    place = problem.get("loc", ())
    if kind == "json_invalid":
        reason = dict(problem.get("ctx") or {}).get("error", "it could not be read")
        return {"field": "body", "code": Code.INVALID_FORMAT.value, "message": f"is no valid JSON: {reason}"[:_LONGEST]}
    if kind == "extra_forbidden":
        message = "is not taken here; mend its name or leave it out"
    name = ".".join(str(part) for part in place)
    return {
        "field": redact_text(name[:_LONGEST]) or "body",
        "code": _code(kind).value,
        "message": redact_text(message[:_LONGEST]),
    }


def _code(kind: str) -> Code:
    if kind.startswith("missing"):
        return Code.MISSING_FIELD
    if kind.startswith("uuid_"):
        return Code.INVALID_UUID
    if kind.endswith("too_long"):
        return Code.FIELD_TOO_LARGE
    if kind in _OF_SCHEMA or kind.endswith("_type") or kind.startswith("union_tag"):
        return Code.INVALID_SCHEMA
    return Code.INVALID_FORMAT


def _is_of_another_type(problem: Mapping[str, Any]) -> bool:
    """Tell a body that was never read as JSON: its Content-Type said that it is something else."""
    return tuple(problem.get("loc", ())) == ("body",) and isinstance(problem.get("input"), bytes)
