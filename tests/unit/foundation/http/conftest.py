# SPDX-License-Identifier: Apache-2.0
"""An app in memory for the tests of the HTTP habits."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from prometheus_client import CollectorRegistry

from ovpo.foundation.http.app import create_app
from ovpo.foundation.http.health import Probe

Client = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def client() -> Client:
    """Give a maker of clients of a fresh app with these routes."""

    @asynccontextmanager
    async def of(
        *routers: APIRouter,
        probes: Mapping[str, Probe] | None = None,
        registry: CollectorRegistry | None = None,
        **more: Any,
    ) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(
            title="Test", version="1", service="test", probes=probes or {}, probe_deadline_seconds=0.1,
            registry=registry or CollectorRegistry(), routers=routers, **more,
        )  # fmt: skip
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as opened:
            yield opened

    return of
