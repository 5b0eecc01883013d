# SPDX-License-Identifier: Apache-2.0
"""Which error each exception becomes, and what its body says."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from ovpo.foundation.http.errors import ApiError, Code, Fault, body
from ovpo.foundation.http.translate import MOST_FIELDS, from_http, from_validation

Client = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
CONTRACT = {
    400: {
        "INVALID_SCHEMA", "MISSING_FIELD", "INVALID_FORMAT", "INVALID_UUID", "SCHEMA_MISMATCH", "FIELD_TOO_LARGE",
        "TOO_MANY_ITEMS", "INVALID_TRANSITION",
    },
    401: {"UNAUTHORIZED"}, 403: {"FORBIDDEN"}, 404: {"NOT_FOUND"}, 409: {"CONFLICT"}, 413: {"PAYLOAD_TOO_LARGE"},
    415: {"UNSUPPORTED_MEDIA_TYPE"}, 422: {"UNPROCESSABLE"}, 429: {"RATE_LIMIT_EXCEEDED"}, 500: {"INTERNAL_ERROR"},
    503: {"SERVICE_UNAVAILABLE"},
}  # fmt: skip


class Order(BaseModel):
    """A body with one field of each kind that the tests break."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=5)
    count: int = Field(1, ge=1)
    id: UUID | None = None
    parts: list[str] = []


routes = APIRouter()


@routes.post("/orders")
async def orders(order: Order) -> str:
    return order.name


@routes.get("/raise/{status}")
async def raising(status: int) -> None:
    raise HTTPException(status, "token=hunter2hunter2 was wrong")


def ask(client: Client, method: str, path: str, **more: Any) -> httpx.Response:
    async def once() -> httpx.Response:
        async with client(routes) as opened:
            return await opened.request(method, path, **more)

    return asyncio.run(once())


def test_the_codes_and_their_status_are_those_of_the_contract() -> None:
    ours: dict[int, set[str]] = {}
    for code in Code:
        ours.setdefault(code.status, set()).add(code.value)
    assert ours == CONTRACT


def test_a_body_leaves_out_what_there_is_nothing_to_say_about() -> None:
    assert body(Fault(Code.NOT_FOUND, "no"), "r") == {
        "error": {"code": "NOT_FOUND", "message": "no", "request_id": "r"}
    }
    full = body(Fault(Code.CONFLICT, "no", details={"a": 1}, retry_after=3), "r")
    assert full["error"]["details"] == {"a": 1}
    assert full["error"]["retry_after"] == 3


def test_an_error_that_was_raised_cannot_be_changed() -> None:
    error = ApiError(Code.CONFLICT, "no")
    with pytest.raises(AttributeError):
        error.fault = Fault(Code.NOT_FOUND, "no")  # type: ignore[misc]
    with pytest.raises(AttributeError):
        error.fault.message = "yes"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("sent", "code", "field"),
    [
        ({}, "MISSING_FIELD", "body.name"),
        ({"name": "toolong"}, "FIELD_TOO_LARGE", "body.name"),
        ({"name": 1}, "INVALID_SCHEMA", "body.name"),
        ({"name": "a", "more": 1}, "INVALID_SCHEMA", "body.more"),
        ({"name": "a", "count": 0}, "INVALID_FORMAT", "body.count"),
        ({"name": "a", "count": "x"}, "INVALID_FORMAT", "body.count"),
        ({"name": "a", "id": "x"}, "INVALID_UUID", "body.id"),
        ({"name": "a", "parts": ["a", 1]}, "INVALID_SCHEMA", "body.parts.1"),
        ([], "INVALID_SCHEMA", "body"),
    ],
)
def test_an_invalid_body_is_400_with_a_code_by_kind_that_names_the_field(
    client: Client, sent: object, code: str, field: str
) -> None:
    answer = ask(client, "POST", "/orders", json=sent)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["details"]["field"]) == (400, code, field)
    assert error["message"].startswith(f"{field}: ")


def test_a_body_that_is_no_json_is_said_to_be_none(client: Client) -> None:
    answer = ask(client, "POST", "/orders", content=b'{"name": ', headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID_FORMAT")
    assert answer.json()["error"]["message"].startswith("body: is no valid JSON: ")


def test_no_body_at_all_is_a_missing_field(client: Client) -> None:
    assert ask(client, "POST", "/orders").json()["error"]["code"] == "MISSING_FIELD"


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}])
def test_a_body_of_another_type_is_415(client: Client, headers: dict[str, str]) -> None:
    answer = ask(client, "POST", "/orders", content=b'{"name": "a"}', headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_what_the_client_sent_is_not_repeated_to_it(client: Client) -> None:
    answer = ask(client, "POST", "/orders", json={"name": "hunter2hunter2", "count": "hunter2hunter2"})
    assert "hunter2" not in answer.text


def test_a_thousand_wrong_fields_are_counted_and_twenty_shown(client: Client) -> None:
    answer = ask(client, "POST", "/orders", json={"name": "a", **{f"x{number}": 1 for number in range(1000)}})
    details = answer.json()["error"]["details"]
    assert (len(details["fields"]), details["count"]) == (MOST_FIELDS, 1000)


def test_a_field_name_of_any_length_gives_a_short_answer(client: Client) -> None:
    assert len(ask(client, "POST", "/orders", json={"name": "a", "x" * 100_000: 1}).content) < 2000


def test_no_problem_at_all_is_still_an_error() -> None:
    assert from_validation([]).code is Code.INVALID_SCHEMA


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "INVALID_FORMAT"), (401, "UNAUTHORIZED"), (403, "FORBIDDEN"), (404, "NOT_FOUND"), (409, "CONFLICT"),
        (413, "PAYLOAD_TOO_LARGE"), (415, "UNSUPPORTED_MEDIA_TYPE"), (418, "INVALID_FORMAT"),
        (429, "RATE_LIMIT_EXCEEDED"), (500, "INTERNAL_ERROR"), (502, "INTERNAL_ERROR"), (503, "SERVICE_UNAVAILABLE"),
        (599, "INTERNAL_ERROR"),
    ],
)  # fmt: skip
def test_the_frameworks_own_errors_keep_their_status(client: Client, status: int, code: str) -> None:
    answer = ask(client, "GET", f"/raise/{status}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert "hunter2" not in answer.text


def test_a_status_that_forbids_a_body_has_none(client: Client) -> None:
    answer = ask(client, "GET", "/raise/304")
    assert (answer.status_code, answer.content) == (304, b"")


def test_422_is_answered_as_400() -> None:
    assert from_http(HTTPException(422, "x"), "GET").status == 400


def test_an_unknown_status_without_words_is_said_somehow() -> None:
    assert from_http(HTTPException(460, ""), "GET").message


def test_the_error_body_is_that_of_every_error_in_the_document(client: Client) -> None:
    document = ask(client, "GET", "/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert {"400", "500", "503"} <= operation["responses"].keys(), (path, method)
            assert not {"422", "default"} & operation["responses"].keys(), (path, method)
    for answer in document["components"]["responses"].values():
        assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ErrorAnswer"}
    assert set(document["components"]["schemas"]["Code"]["enum"]) == {code.value for code in Code}
