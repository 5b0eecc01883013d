# SPDX-License-Identifier: Apache-2.0
"""A look at a trace: what there is to show is fetched while the look is being recorded, and shown once it is."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from threading import Event
from typing import Any, cast

import pytest
from starlette.requests import Request
from starlette.responses import Response

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.conditional import Version
from ovpo.foundation.http.errors import ApiError
from ovpo.foundation.unavailable import StoreUnavailableError
from ovpo.telemetry.query import looking
from ovpo.telemetry.query.bodies import Bodies
from ovpo.telemetry.query.looking import Look, Stores, answer
from ovpo.telemetry.query.trace import State

STATE = State(datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC), None, None)
Tell = Callable[[State], None]


class NothingKept:
    """Bodies that keep none."""

    async def of(self, version: Version, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """Have it made."""
        return await make()


def look(**headers: str) -> Look:
    """Make a look of somebody."""
    given = [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()]
    principal = cast("Principal", type("Somebody", (), {"tenant_id": "acme"})())
    return Look(Request({"type": "http", "headers": given}), principal, "t", "whole", 1)


async def answered(given: Look, make: Callable[[State], Awaitable[bytes]]) -> Response:
    """Answer a look where nothing is kept."""
    stores = Stores(cast("Any", None), cast("Any", None), cast("Bodies", NothingKept()), cast("Any", None))
    return await answer(stores, given, make)


async def made(state: State) -> bytes:
    """Make a body."""
    assert state == STATE
    return b"{}"


def test_a_body_that_is_made_is_held_back_until_the_look_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    written = Event()

    def slowly(_: Stores, __: Look, tell: Tell) -> State:
        tell(STATE)
        assert written.wait(10)
        return STATE

    monkeypatch.setattr(looking, "recorded", slowly)

    async def run() -> None:
        ready = asyncio.Event()

        async def make(state: State) -> bytes:
            ready.set()
            return await made(state)

        answering = asyncio.ensure_future(answered(look(), make))
        await ready.wait()
        done, _ = await asyncio.wait({answering}, timeout=0.05)
        assert not done
        written.set()
        assert (await answering).body == b"{}"

    asyncio.run(run())


@pytest.mark.parametrize("headers", [{}, {"If_None_Match": "*"}])
def test_nothing_is_shown_of_a_trace_when_the_look_cannot_be_recorded(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    def away(_: Stores, __: Look, tell: Tell) -> State:
        tell(STATE)
        raise StoreUnavailableError("PostgreSQL does not answer")

    monkeypatch.setattr(looking, "recorded", away)
    with pytest.raises(StoreUnavailableError):
        asyncio.run(answered(look(**headers), made))


def test_a_trace_that_is_not_found_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: Stores, __: Look, ___: Tell) -> State:
        raise looking.no_such_trace("t")

    async def never(_: State) -> bytes:
        raise AssertionError

    monkeypatch.setattr(looking, "recorded", missing)
    with pytest.raises(ApiError):
        asyncio.run(answered(look(), never))
