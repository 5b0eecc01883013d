# SPDX-License-Identifier: Apache-2.0
"""Places to run, places to wait, and no more."""

import asyncio

import pytest

from ovpo.foundation.clickhouse.server.errors import QueryError
from ovpo.foundation.clickhouse.server.gate import Gate


def test_beyond_the_waiting_room_a_query_is_refused_and_a_freed_place_goes_to_the_one_who_waits() -> None:
    async def scene() -> tuple[int, int, int]:
        gate = Gate(1, 1)
        leave = asyncio.Event()
        order: list[str] = []

        async def guest(name: str) -> None:
            async with gate.place():
                order.append(name)
                await leave.wait()

        first = asyncio.create_task(guest("first"))
        await asyncio.sleep(0)
        second = asyncio.create_task(guest("second"))
        await asyncio.sleep(0)
        assert (gate.running, gate.waiting) == (1, 1)
        with pytest.raises(QueryError) as refused:
            async with gate.place():
                pass
        leave.set()
        await asyncio.gather(first, second)
        assert order == ["first", "second"]
        return refused.value.code, gate.running, gate.waiting

    assert asyncio.run(scene()) == (202, 0, 0)
