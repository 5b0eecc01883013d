# SPDX-License-Identifier: Apache-2.0
"""The habits that every app has: limits, headers, metrics by route template."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated

import httpx
import pytest
import structlog
from fastapi import APIRouter, Body, Depends, FastAPI, Query, Response
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ConfigDict
from starlette.types import Message, Receive, Scope, Send

from ovpo.foundation.http.answers import CatchAll
from ovpo.foundation.http.app import create_app
from ovpo.foundation.http.request_id import RequestId

Client = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
inner = APIRouter(prefix="/items")


@inner.get("/{item}")
async def an_item(item: str) -> str:
    return item


@inner.post("/")
async def take(data: Annotated[bytes, Body(media_type="application/octet-stream")]) -> int:
    return len(data)


@inner.get("/own/header")
async def own_header() -> Response:
    return Response(headers={"Referrer-Policy": "origin"})


outer = APIRouter()
outer.include_router(inner, prefix="/v1")
outer.include_router(inner, prefix="/v2")


def run(scenario: Callable[[httpx.AsyncClient], Awaitable[None]], client: Client, registry: CollectorRegistry) -> None:
    async def go() -> None:
        async with client(outer, registry=registry, most_body_bytes=100) as opened:
            await scenario(opened)

    asyncio.run(go())


def routes_counted(registry: CollectorRegistry) -> set[str]:
    return {
        sample.labels["route"]
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "ovpo_http_requests_total"
    }


def test_requests_are_counted_by_template_of_the_place_where_the_router_was_included(client: Client) -> None:
    registry = CollectorRegistry()

    async def scenario(opened: httpx.AsyncClient) -> None:
        for number in range(20):
            await opened.get(f"/v1/items/{number}")
            await opened.get(f"/v2/items/{number}")
            await opened.delete(f"/v1/items/{number}")
            await opened.get(f"/unknown/{number}")

    run(scenario, client, registry)
    assert routes_counted(registry) == {"/v1/items/{item}", "/v2/items/{item}", "unmatched"}


def test_a_path_that_is_named_takes_more_than_the_others(client: Client) -> None:
    async def go() -> None:
        async with client(outer, most_body_bytes=100, larger_bodies={"/v2/items/": 200}) as opened:
            sizes = {"/v1/items/": (100, 101), "/v2/items/": (200, 201)}
            for path, (most, too_many) in sizes.items():
                headers = {"Content-Type": "application/octet-stream"}
                assert (await opened.post(path, content=b"x" * most, headers=headers)).json() == most
                assert (await opened.post(path, content=b"x" * too_many, headers=headers)).status_code == 413

    asyncio.run(go())


def test_a_body_is_taken_up_to_the_limit_and_refused_above(client: Client) -> None:
    async def scenario(opened: httpx.AsyncClient) -> None:
        async def in_pieces(size: int) -> AsyncIterator[bytes]:
            for _ in range(size):
                yield b"x"

        assert (await opened.post("/v1/items/", content=b"x" * 100)).json() == 100
        assert (await opened.post("/v1/items/", content=in_pieces(100))).json() == 100
        for refused in (b"x" * 101, in_pieces(101)):
            answer = await opened.post("/v1/items/", content=refused)
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
            assert answer.json()["error"]["request_id"] == answer.headers["x-request-id"]

    run(scenario, client, CollectorRegistry())


@pytest.mark.parametrize("length", ["1" * 5000, "-5", "x", "\N{SUPERSCRIPT TWO}"])
def test_an_absurd_content_length_is_no_crash(client: Client, length: str) -> None:
    async def scenario(opened: httpx.AsyncClient) -> None:
        headers = [(b"content-length", length.encode("latin-1"))]
        answer = await opened.post("/v1/items/", content=b"x", headers=headers)
        assert answer.status_code in {200, 413}

    run(scenario, client, CollectorRegistry())


def test_every_answer_has_the_guarding_headers_unless_the_app_set_its_own(client: Client) -> None:
    async def scenario(opened: httpx.AsyncClient) -> None:
        for path in ("/v1/items/1", "/nothing", "/healthz", "/metrics"):
            assert (await opened.get(path)).headers["x-content-type-options"] == "nosniff"
        assert (await opened.get("/v1/items/own/header")).headers["referrer-policy"] == "origin"

    run(scenario, client, CollectorRegistry())


def test_errors_are_never_cached(client: Client) -> None:
    async def scenario(opened: httpx.AsyncClient) -> None:
        assert (await opened.get("/nothing")).headers["cache-control"] == "no-store"

    run(scenario, client, CollectorRegistry())


def test_a_path_with_a_slash_too_many_is_not_redirected_to_the_host_of_the_request(client: Client) -> None:
    async def scenario(opened: httpx.AsyncClient) -> None:
        answer = await opened.get("/v1/items/1/", headers={"Host": "evil.example"})
        assert answer.status_code == 404

    run(scenario, client, CollectorRegistry())


def test_what_was_bound_before_a_request_is_not_in_its_log_context() -> None:
    seen: dict[str, object] = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.update(structlog.contextvars.get_contextvars())

    async def scenario() -> None:
        structlog.contextvars.bind_contextvars(tenant_id="somebody")
        transport = httpx.ASGITransport(RequestId(app), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as opened:
            with pytest.raises(AssertionError):
                await opened.get("/", headers={"X-Request-Id": "mine"})

    asyncio.run(scenario())
    assert seen == {"request_id": "mine"}


def test_two_apps_on_one_registry_are_refused_at_once() -> None:
    registry = CollectorRegistry()

    def make() -> FastAPI:
        return create_app(
            title="T", version="1", service="t", probes={}, probe_deadline_seconds=1, registry=registry, routers=[]
        )

    make()
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        make()


def test_an_error_after_the_answer_began_sends_no_second_answer() -> None:
    sent: list[str] = []

    async def broken(scope: object, receive: object, send: Callable[[Message], Awaitable[None]]) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("half way")

    async def send(message: Message) -> None:
        sent.append(message["type"])

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    asyncio.run(CatchAll(broken)({"type": "http", "method": "GET"}, receive, send))
    assert sent == ["http.response.start"]


@pytest.mark.parametrize("path", ["/healthz%0A", "/v1/items/own/header%0a", "/v1/items/a%0A"])
def test_a_path_that_ends_in_a_line_break_is_not_the_one_without(client: Client, path: str) -> None:
    async def scenario(opened: httpx.AsyncClient) -> None:
        answer = await opened.get(path)
        assert (answer.status_code, answer.json()["error"]["details"]) == (400, {"field": "path"})

    run(scenario, client, CollectorRegistry())


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/plain?limit=1", 200),
        ("/v1/plain?limt=1", 400),
        ("/v1/inner?limit=1&deep=2", 200),
        ("/v1/inner?limit=1&deep=2&more=3", 400),
        ("/v1/model?limit=1", 200),
        ("/v1/model?limt=1", 400),
        ("/healthz?anything=1", 200),
    ],
)
def test_a_parameter_that_a_route_does_not_take_is_refused_and_not_ignored(
    client: Client, path: str, status: int
) -> None:
    class Page(BaseModel):
        model_config = ConfigDict(extra="forbid")
        limit: int = 1

    def deep(deep: int = 0) -> int:
        return deep

    routes = APIRouter(prefix="/v1")

    @routes.get("/plain")
    def plain(limit: int = 1) -> int:
        return limit

    @routes.get("/inner")
    def with_inner(found: Annotated[int, Depends(deep)], limit: int = 1) -> int:
        return limit + found

    @routes.get("/model")
    def model(page: Annotated[Page, Query()]) -> int:
        return page.limit

    async def ask() -> httpx.Response:
        async with client(routes) as opened:
            return await opened.get(path)

    answer = asyncio.run(ask())
    assert answer.status_code == status, answer.text
    if status == 400:
        assert answer.json()["error"]["details"]["field"].startswith("query.")
