# SPDX-License-Identifier: Apache-2.0
"""One effect per idempotency key: who does the work, who waits for its answer, who takes over from one that died.

PostgreSQL decides and keeps; Valkey only shortens the way to an answer that was given. An answer is bytes here.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Final, Protocol
from uuid import UUID

import msgspec
import structlog
from msgspec import Struct

from ovpo.foundation.http.errors import Code
from ovpo.foundation.shortcut import Question, Shortcut
from ovpo.foundation.unavailable import StoreUnavailableError
from ovpo.telemetry.collector.refusal import RefusedError

SHORTCUT_LIFE: Final = timedelta(minutes=15)
SHORTCUT_BYTES: Final = 64 * 1024
_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 0.25
_log: Final = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """One use of a key, by digests: whose it is, for which body, and by which of all the attempts."""

    tenant_id: str
    key: bytes
    body: bytes
    owner: UUID
    requested_at: datetime

    @property
    def name(self) -> str:
        """Give the name under which an answer is remembered."""
        return f"ingest-answer:{self.tenant_id}:{self.key.hex()}"


class Kept(Struct, frozen=True):
    """An answer that was given, for which body, and when it was asked for first."""

    body: bytes
    requested_at: datetime
    answer: bytes


@dataclass(frozen=True, slots=True)
class Mine:
    """The work is this request's."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Another request does the work; `body` is the one that it does it for."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Given:
    """An answer; `original_request_time` when it was not made for this request."""

    answer: bytes
    original_request_time: datetime | None = None


class Claims(Protocol):
    """Where keys are claimed, durably."""

    async def claim(self, request: Request) -> Mine | Busy | Kept:
        """Take the key, or say who has it."""
        ...

    async def keep(self, request: Request, answer: bytes) -> Kept | None:
        """Keep the answer unless there is one; give the one that is kept, None if the claim is gone."""
        ...

    async def release(self, request: Request) -> None:
        """Give the key back unanswered."""
        ...


def digest(text: bytes) -> bytes:
    """Give what stands for a key or a body."""
    return hashlib.sha256(text).digest()


class Once:
    """Does a piece of work once per key."""

    def __init__(
        self, claims: Claims, shortcut: Shortcut, patience_seconds: float, clock: Callable[[], float] = monotonic
    ) -> None:
        self._claims = claims
        self._shortcut = shortcut
        self._patience = patience_seconds
        self._clock = clock

    async def answer(self, request: Request, work: Callable[[], Awaitable[bytes]]) -> Given:
        """Do the work and keep its answer, or give the answer that is kept; a failure leaves the key free."""
        found = await self._remembered(request) or await self._claimed(request)
        if isinstance(found, Kept):
            _require_same(request, found.body)
            return Given(found.answer, found.requested_at)
        try:
            answer = await work()
        except Exception:
            await self._release(request)
            raise
        return Given(await self._keep(request, answer))

    async def _claimed(self, request: Request) -> Mine | Kept:
        until, pause = self._clock() + self._patience, _FIRST_PAUSE
        while True:
            found = await self._claims.claim(request)
            if not isinstance(found, Busy):
                return found
            _require_same(request, found.body)
            if self._clock() + pause > until:
                raise RefusedError(
                    Code.SERVICE_UNAVAILABLE, "the same batch is still being worked on; send it again", retry_after=2
                )
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    async def _keep(self, request: Request, answer: bytes) -> bytes:
        """Keep an answer whose work is done: without the database it is given all the same, for it is true."""
        try:
            kept = await self._claims.keep(request, answer)
        except StoreUnavailableError as error:
            _log.warning("collector.answer_not_kept", reason=str(error))
            return answer
        if kept is None:
            return answer
        await self._remember(request, kept)
        return kept.answer

    async def _release(self, request: Request) -> None:
        try:
            await self._claims.release(request)
        except StoreUnavailableError as error:
            _log.warning("collector.key_not_released", reason=str(error), effect="its lease has to end first")

    async def _remembered(self, request: Request) -> Kept | None:
        found = await self._shortcut.get(Question.ANSWER, request.name)
        return msgspec.msgpack.decode(found, type=Kept) if found else None

    async def _remember(self, request: Request, kept: Kept) -> None:
        if len(kept.answer) <= SHORTCUT_BYTES:
            await self._shortcut.set(Question.ANSWER, request.name, msgspec.msgpack.encode(kept), SHORTCUT_LIFE)


def _require_same(request: Request, body: bytes) -> None:
    if body != request.body:
        raise RefusedError(
            Code.CONFLICT, "was used with another body; give each batch a key of its own", field="Idempotency-Key"
        )
