# SPDX-License-Identifier: Apache-2.0
"""How backends are asked, and what is said of each."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx

from ovpo.foundation.http.health import Backend, Probe, Readiness

Client = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


async def ready() -> None:
    """Answer at once."""


async def failing() -> None:
    raise ConnectionError("postgresql://ovpo:hunter2@db refused\nthe connection " + "x" * 10_000)


async def hanging() -> None:
    await asyncio.Event().wait()


def ask(deadline: float = 0.05, **probes: Probe) -> dict[str, Backend]:
    return {backend.name: backend for backend in asyncio.run(Readiness(probes, deadline).ask())}


def test_each_backend_is_reported_by_name_in_the_given_order() -> None:
    assert list(ask(c=ready, a=failing, b=hanging)) == ["c", "a", "b"]


def test_a_failing_backend_says_why_in_one_short_line_without_secrets() -> None:
    detail = ask(db=failing)["db"].detail
    assert detail is not None
    assert detail.startswith("ConnectionError: postgresql://ovpo:***@db refused the connection")
    assert len(detail) < 400


def test_a_backend_that_hangs_is_not_ready_after_the_deadline() -> None:
    backend = ask(db=hanging)["db"]
    assert not backend.ready
    assert backend.detail == "no answer within 0.05 s"


def test_backends_are_asked_at_once_and_not_one_after_another() -> None:
    gate = asyncio.Barrier(3)

    async def meet() -> None:
        await gate.wait()

    assert all(backend.ready for backend in ask(deadline=10, a=meet, b=meet, c=meet).values())


def test_a_probe_that_ignores_being_cancelled_is_not_started_a_second_time() -> None:
    started = 0
    release = asyncio.Event()

    async def stubborn() -> None:
        nonlocal started
        started += 1
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    async def scenario() -> list[bool]:
        readiness = Readiness({"db": stubborn}, 0.01)
        answers = [(await readiness.ask())[0].ready for _ in range(5)]
        assert started == 1
        release.set()
        async with asyncio.timeout(10):
            while not (await readiness.ask())[0].ready:
                pass
        return answers

    assert asyncio.run(scenario()) == [False] * 5


def test_a_backend_that_comes_back_is_ready_again() -> None:
    state = [failing, hanging, ready]

    async def changing() -> None:
        await state.pop(0)()

    async def scenario() -> list[bool]:
        readiness = Readiness({"db": changing}, 0.01)
        return [(await readiness.ask())[0].ready for _ in range(3)]

    assert asyncio.run(scenario()) == [False, False, True]


def test_an_app_without_backends_is_ready(client: Client) -> None:
    async def scenario() -> httpx.Response:
        async with client() as opened:
            return await opened.get("/readyz")

    assert asyncio.run(scenario()).json() == {"service": "test", "ready": True, "backends": []}
