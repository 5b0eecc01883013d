# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document of a service, made to say what the service does: which errors each operation answers. Pure.

The framework knows the answers that succeed. What an operation refuses follows from its shape: a key that it asks for,
a permission, an id in its path, a body. What does not follow so, its route says, as a status and a description.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from ovpo.foundation.http.errors import Code, Fault, body

ABOUT: Final = (
    "Send your API key as `Authorization: Bearer ovpo_sk_…`; the tenant is that of the key. Every answer has the "
    "header `X-Request-Id`; quote it when you ask for help. Every error has the body `ErrorAnswer`, whose `code` "
    "programs may rely on and whose `message` says what to change. A parameter may be given once. The scopes beside "
    "an operation's key name the permission that the key's role needs."
)
LICENSE: Final = {"name": "Apache License 2.0", "identifier": "Apache-2.0"}
Document = dict[str, Any]
_REQUEST: Final = "3f1c9a52-7d0e-4b6f-8a21-5c9d0e7b6f43"
_FIRST_ERROR: Final = 400
_NULL: Final = {"type": "null"}
_METHODS: Final = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_SECONDS: Final = {"description": "Seconds after which the request may succeed", "schema": {"type": "integer"}}


@dataclass(frozen=True, slots=True)
class _Refusal:
    """An error that many operations answer, under the name that they refer to it by."""

    name: str
    description: str
    example: Fault

    @property
    def answer(self) -> Document:
        """Give it as a response of the document."""
        response: Document = {
            "description": self.description,
            "content": _content({"example": body(self.example, _REQUEST)}),
        }
        return response if self.example.retry_after is None else response | {"headers": {"Retry-After": _SECONDS}}


_REFUSALS: Final[Mapping[int, _Refusal]] = {
    400: _Refusal(
        "InvalidRequest",
        "A parameter, a header or the body is not as this operation takes it; nothing was done",
        Fault(
            Code.INVALID_FORMAT,
            "query.limit: Input should be greater than or equal to 1",
            {
                "field": "query.limit",
                "fields": [
                    {
                        "field": "query.limit",
                        "code": "INVALID_FORMAT",
                        "message": "Input should be greater than or equal to 1",
                    }
                ],
                "count": 1,
            },
        ),
    ),
    401: _Refusal(
        "Unauthorized",
        "No API key was sent, or one that is not good",
        Fault(Code.UNAUTHORIZED, "Send your API key as Authorization: Bearer ovpo_sk_..."),
    ),
    403: _Refusal(
        "Forbidden",
        "The role of the key lacks the permission, or what is asked for is out of its reach",
        Fault(
            Code.FORBIDDEN,
            "This needs admin:keys, which the role admin has; your API key has viewer",
            {"permission": "admin:keys", "needed": "admin", "role": "viewer"},
        ),
    ),
    404: _Refusal(
        "NotFound",
        "There is no such thing, or it is another tenant's, which is not told apart",
        Fault(
            Code.NOT_FOUND,
            "your tenant has no trace 0d1f6a3e-6c0b-4f5e-9a55-1b1f0d6d2c11",
            {"field": "trace_id"},
        ),
    ),
    413: _Refusal(
        "PayloadTooLarge",
        "The body is larger than this service takes",
        Fault(Code.PAYLOAD_TOO_LARGE, "The body is larger than the 1048576 bytes that this service takes"),
    ),
    415: _Refusal(
        "UnsupportedMediaType",
        "The body is of another type or encoding than this operation takes",
        Fault(Code.UNSUPPORTED_MEDIA_TYPE, "This path takes JSON: send it with Content-Type: application/json"),
    ),
    429: _Refusal(
        "TooManyRequests",
        "Your tenant asks faster than its tier allows",
        Fault(
            Code.RATE_LIMIT_EXCEEDED,
            "your tenant asks faster than its tier allows; go on in 7 s",
            retry_after=7,
        ),
    ),
    500: _Refusal(
        "InternalError",
        "A fault of the service, which its log tells about under the request's id",
        Fault(Code.INTERNAL_ERROR, "Something went wrong here; the server's log tells more under this request id"),
    ),
    503: _Refusal(
        "Unavailable",
        "A store is away, or the service stops; the request may be sent again",
        Fault(Code.SERVICE_UNAVAILABLE, "A store does not answer now; send the request again", retry_after=2),
    ),
}


def truthful(document: Document) -> Document:
    """Give the document with the errors of each operation in place of the framework's catch-all."""
    schemas = document["components"]["schemas"]
    paths = {
        path: {name: _operation(path, said, schemas) if name in _METHODS else said for name, said in item.items()}
        for path, item in document["paths"].items()
    }
    responses = {refusal.name: refusal.answer for refusal in _REFUSALS.values()}
    return document | {"paths": paths, "components": document["components"] | {"responses": responses}}


def _operation(path: str, operation: Document, schemas: Document) -> Document:
    said = {
        status: _error(int(status), answer) if int(status) >= _FIRST_ERROR else _success(answer, schemas)
        for status, answer in operation["responses"].items()
        if status.isdecimal()
    }
    implied = {
        str(status): {"$ref": f"#/components/responses/{_REFUSALS[status].name}"}
        for status in _implied(path, operation)
    }
    named = [_described(parameter) for parameter in operation.get("parameters", [])]
    return (
        operation | {"responses": dict(sorted({**implied, **said}.items()))} | ({"parameters": named} if named else {})
    )


def _described(parameter: Document) -> Document:
    """Give a parameter the description of its type, if it has none of its own."""
    said = parameter["schema"].get("description")
    return parameter if "description" in parameter or said is None else {**parameter, "description": said}


def _implied(path: str, operation: Document) -> set[int]:
    """Tell which errors follow from the shape of an operation."""
    keys = [scopes for requirement in operation.get("security", []) for scopes in requirement.values()]
    return {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.SERVICE_UNAVAILABLE,
        *((HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS) if keys else ()),
        *((HTTPStatus.FORBIDDEN,) if any(keys) else ()),
        *((HTTPStatus.NOT_FOUND,) if "{" in path else ()),
        *(
            (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
            if "requestBody" in operation
            else ()
        ),
    }


def _success(answer: Document, schemas: Document) -> Document:
    """Give an answer as it is described, with its examples as they are sent."""
    content = {
        kind: said | {"example": _whole(said["example"], said["schema"], schemas)} if "example" in said else said
        for kind, said in answer.get("content", {}).items()
    }
    return answer | {"content": content} if content else answer


def _error(status: int, answer: Document) -> Document:
    """Give an error that a route describes the body that every error has, unless the route names another."""
    if "content" in answer:
        return answer
    code = next((code for code in Code if code.status == status), Code.INVALID_FORMAT)
    return answer | {"content": _content({"example": body(Fault(code, answer["description"]), _REQUEST)})}


def _content(more: Document) -> Document:
    return {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}, **more}}


def _whole(example: Any, schema: Document, schemas: Document) -> Any:
    """Give an example with the nulls that the framework takes out of it."""
    if (name := schema.get("$ref")) is not None:
        return _whole(example, schemas[name.rsplit("/", 1)[1]], schemas)
    if isinstance(example, list):
        return [_whole(one, schema.get("items", {}), schemas) for one in example]
    if not isinstance(example, dict):
        return example
    parts = schema.get("properties", {})
    of_others = schema.get("additionalProperties")
    rest = of_others if isinstance(of_others, dict) else {}
    needed = [name for name in schema.get("required", ()) if name not in example]
    missing = {name: None for name in needed if _NULL in parts[name].get("anyOf", ())}
    return {name: _whole(value, parts.get(name, rest), schemas) for name, value in example.items()} | missing
