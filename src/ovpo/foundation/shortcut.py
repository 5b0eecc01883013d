# SPDX-License-Identifier: Apache-2.0
"""Valkey as services use it: a short way to what is known elsewhere, and never the reason to refuse a request."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from enum import StrEnum
from time import monotonic
from typing import Final, TypeVar

import structlog
from prometheus_client import Counter

from ovpo.foundation.cache import Allowance, Budget, Cache, CacheUnavailableError

Found = TypeVar("Found")
PAUSE_SECONDS: Final = 1.0
"""How long a server that did not answer is left alone: each question to one that hangs would cost a second."""
_log: Final = structlog.stdlib.get_logger(__name__)


class Question(StrEnum):
    """What Valkey is asked for; the label under which an unanswered question is counted."""

    RATE = "rate"
    ANSWER = "answer"
    BATCH = "batch"
    LIVE = "live"


class Shortcut:
    """Asks Valkey, or goes on without: None stands for "it is not known"."""

    def __init__(self, cache: Cache, unavailable: Counter, clock: Callable[[], float] = monotonic) -> None:
        self._cache = cache
        self._unavailable = unavailable
        self._clock = clock
        self._resume_at = 0.0
        self._away = False

    async def take(self, key: str, budget: Budget) -> Allowance | None:
        """Take one from a budget."""
        return await self._ask(Question.RATE, lambda: self._cache.take(key, budget))

    async def get(self, question: Question, key: str) -> bytes | None:
        """Give what is remembered under a key."""
        return await self._ask(question, lambda: self._cache.get(key))

    async def set(self, question: Question, key: str, value: bytes, life: timedelta) -> None:
        """Remember something for a while."""
        await self._ask(question, lambda: self._cache.set(key, value, life))

    async def append(self, question: Question, key: str, values: Sequence[bytes], most: int, life: timedelta) -> None:
        """Add to a log that others follow."""
        await self._ask(question, lambda: self._cache.append(key, values, most, life))

    async def _ask(self, question: Question, ask: Callable[[], Awaitable[Found]]) -> Found | None:
        if self._away and self._clock() < self._resume_at:
            self._unavailable.labels(question.value).inc()
            return None
        try:
            found = await ask()
        except CacheUnavailableError as error:
            self._unavailable.labels(question.value).inc()
            self._resume_at = self._clock() + PAUSE_SECONDS
            if not self._away:
                _log.warning("cache.away", reason=str(error), effect="rates unlimited, more questions to PostgreSQL")
            self._away = True
            return None
        if self._away:
            _log.info("cache.back")
        self._away = False
        return found
