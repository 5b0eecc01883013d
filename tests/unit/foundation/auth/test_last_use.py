# SPDX-License-Identifier: Apache-2.0
"""The use of a key is noted beside the request: seldom, and never in its way."""

import asyncio
from collections.abc import Callable

import httpx
import structlog
from fastapi import APIRouter, Depends
from prometheus_client import CollectorRegistry
from psycopg_pool import ConnectionPool

from ovpo.foundation.auth import Role, StoredKey
from ovpo.foundation.http.access import principal
from ovpo.foundation.http.app import create_app
from ovpo.foundation.keys import mint
from ovpo.foundation.tenancy.last_use import MOST, QUIET_SECONDS, LastUse
from tests.conftest import free_ports

KEY = mint(lambda size: bytes(range(size)))


class Kept:
    """A store of one key."""

    async def find(self, prefix: str) -> StoredKey | None:
        return StoredKey(KEY.prefix, KEY.digest, "demo", Role.VIEWER, None, None) if prefix == KEY.prefix else None


def told_of(*headers: str, used: Callable[[str], None]) -> list[int]:
    """Call with these headers, and give the status of each answer."""
    routes = APIRouter()
    routes.get("/me", dependencies=[Depends(principal(Kept(), used=used))])(lambda: "welcome")
    app = create_app(
        title="Test", version="1", service="test", probes={}, probe_deadline_seconds=0.1, registry=CollectorRegistry(),
        routers=[routes],
    )  # fmt: skip

    async def ask() -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return [(await client.get("/me", headers={"Authorization": one})).status_code for one in headers]

    return asyncio.run(ask())


def test_the_use_of_a_key_is_told_after_its_secret_was_right_and_not_before() -> None:
    used: list[str] = []
    assert told_of(f"Bearer {KEY.text}x", "Bearer x", used=used.append) == [401, 401]
    assert used == []
    assert told_of(f"Bearer {KEY.text}", used=used.append) == [200]
    assert used == [KEY.prefix]


def test_a_store_that_is_away_is_tried_once_a_minute_for_each_key_and_fails_nobody() -> None:
    [port] = free_ports(1)
    time = [1_000.0]

    async def use() -> None:
        with ConnectionPool(f"host=127.0.0.1 port={port}", min_size=0, max_size=2, timeout=0.05, open=True) as nobody:
            last_use = LastUse(nobody, lambda: time[0])
            for prefix in ("aaaaaaaa", "aaaaaaaa", "bbbbbbbb", "aaaaaaaa"):
                last_use.note(prefix)
            time[0] += QUIET_SECONDS
            last_use.note("aaaaaaaa")
            await asyncio.gather(*last_use._writing)

    with structlog.testing.capture_logs() as lines:
        asyncio.run(use())
    assert sorted(line["key_prefix"] for line in lines if line["event"] == "auth.use_not_noted") == [
        "aaaaaaaa",
        "aaaaaaaa",
        "bbbbbbbb",
    ]


def test_no_more_keys_are_remembered_than_is_bounded() -> None:
    async def use() -> int:
        last_use = LastUse(ConnectionPool("host=127.0.0.1 port=1", min_size=0, max_size=1, open=False))
        last_use._quiet_until.update({f"{number:08}": 1e12 for number in range(MOST)})
        last_use.note("aaaaaaaa")
        await asyncio.gather(*last_use._writing)
        return len(last_use._quiet_until)

    assert asyncio.run(use()) == MOST
