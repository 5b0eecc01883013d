# SPDX-License-Identifier: Apache-2.0
"""Facts of the database that each request needs, kept in the process for a few seconds: API keys and tiers."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final, Generic, TypeVar

from ovpo.foundation.auth import KeyStore, StoredKey

Fact = TypeVar("Fact")
MOST: Final = 10_000
KEY_SECONDS: Final = 5.0
"""How long a revoked key may still be taken."""


class Remembered(Generic[Fact]):
    """Facts by name; one that is older than its life, or that is the oldest of too many, is asked for again."""

    def __init__(
        self, ask: Callable[[str], Awaitable[Fact]], life_seconds: float, clock: Callable[[], float] = monotonic
    ) -> None:
        self._ask = ask
        self._life = life_seconds
        self._clock = clock
        self._facts: OrderedDict[str, tuple[float, Fact]] = OrderedDict()

    async def get(self, name: str) -> Fact:
        """Give a fact; one that is None is never kept, so that what appears is seen at once."""
        known = self._facts.get(name)
        if known is not None and self._clock() < known[0]:
            return known[1]
        fact = await self._ask(name)
        self._facts.pop(name, None)
        if fact is not None:
            self._facts[name] = (self._clock() + self._life, fact)
            if len(self._facts) > MOST:
                self._facts.popitem(last=False)
        return fact


class RememberedKeys:
    """A store of keys that asks another one every few seconds only."""

    def __init__(self, store: KeyStore, clock: Callable[[], float] = monotonic) -> None:
        self._keys: Remembered[StoredKey | None] = Remembered(store.find, KEY_SECONDS, clock)

    async def find(self, prefix: str) -> StoredKey | None:
        """Give the key of this prefix."""
        return await self._keys.get(prefix)
