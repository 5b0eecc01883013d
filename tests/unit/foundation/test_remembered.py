# SPDX-License-Identifier: Apache-2.0
"""Facts that are kept for a while: asked for once within their life, never kept when there are none."""

import asyncio

import pytest

from ovpo.foundation import remembered
from ovpo.foundation.remembered import Remembered


class Source:
    """Facts that count how often they are asked for, under a clock of the test's."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked: list[str] = []
        self.facts: dict[str, int | None] = {}

    async def ask(self, name: str) -> int | None:
        self.asked.append(name)
        return self.facts.get(name)

    def clock(self) -> float:
        return self.now


def test_a_fact_is_asked_for_once_within_its_life_and_again_after_it() -> None:
    source = Source()
    kept = Remembered(source.ask, 5.0, source.clock)
    source.facts["a"] = 1

    async def story() -> None:
        assert [await kept.get("a"), await kept.get("a")] == [1, 1]
        assert source.asked == ["a"]
        source.facts["a"], source.now = 2, 5.0
        assert await kept.get("a") == 2

    asyncio.run(story())


def test_what_is_not_there_is_asked_for_every_time() -> None:
    source = Source()
    kept = Remembered(source.ask, 5.0, source.clock)

    async def story() -> None:
        assert await kept.get("a") is None
        source.facts["a"] = 1
        assert await kept.get("a") == 1

    asyncio.run(story())


def test_of_too_many_facts_the_oldest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST", 2)
    source = Source()
    kept = Remembered(source.ask, 5.0, source.clock)
    source.facts = {"a": 1, "b": 2, "c": 3}

    async def story() -> None:
        for name in ("a", "b", "c", "b", "c", "a"):
            await kept.get(name)

    asyncio.run(story())
    assert source.asked == ["a", "b", "c", "a"]
