# SPDX-License-Identifier: Apache-2.0
"""What is kept of answers: one version once, for a minute, and never more than so many bytes."""

import asyncio

import pytest

from ovpo.foundation.http.conditional import Version
from ovpo.telemetry.query import bodies
from ovpo.telemetry.query.bodies import LIFE_SECONDS, Bodies


class Kitchen:
    """Makes bodies and counts them, by a clock that is set by hand."""

    def __init__(self, most_bytes: int = 1000) -> None:
        self.now = 0.0
        self.made: list[str] = []
        self.bodies = Bodies(most_bytes, lambda: self.now)

    def ask(self, tag: str, size: int = 100) -> bytes:
        """Ask for the body of a version."""

        async def make() -> bytes:
            self.made.append(tag)
            return tag.encode() * (size // len(tag))

        return asyncio.run(self.bodies.of(Version(tag), make))


def test_a_version_is_made_once_a_minute() -> None:
    kitchen = Kitchen()
    first = kitchen.ask("a")
    kitchen.now = LIFE_SECONDS - 0.1
    assert kitchen.ask("a") == first
    kitchen.now = LIFE_SECONDS
    kitchen.ask("a")
    assert kitchen.made == ["a", "a"]


def test_other_versions_are_other_answers() -> None:
    kitchen = Kitchen()
    assert kitchen.ask("a") != kitchen.ask("b")


def test_the_oldest_go_when_they_are_too_much() -> None:
    kitchen = Kitchen(most_bytes=300)
    for tag in "abcd":
        kitchen.ask(tag)
    assert [kitchen.ask(tag)[:1] for tag in "dcb"] == [b"d", b"c", b"b"]
    assert kitchen.made == list("abcd")
    kitchen.ask("a")
    assert kitchen.made == list("abcda")


def test_room_is_given_back_by_what_is_made_again() -> None:
    kitchen = Kitchen(most_bytes=250)
    for round_ in range(5):
        kitchen.now = round_ * LIFE_SECONDS
        kitchen.ask("a")
        kitchen.ask("b")
    kitchen.ask("a")
    assert kitchen.made == list("ab" * 5)


def test_what_is_very_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "LARGEST_BYTES", 50)
    kitchen = Kitchen()
    kitchen.ask("a")
    kitchen.ask("a")
    assert kitchen.made == ["a", "a"]
