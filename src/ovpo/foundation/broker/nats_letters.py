# SPDX-License-Identifier: Apache-2.0
"""The dead letters of one queue: a stream of their own that only an operator empties."""

from datetime import UTC, datetime
from typing import Any, Final

import orjson
from nats.aio.msg import Msg

from ovpo.foundation.broker.errors import BrokerError, DeadLetterNotFoundError
from ovpo.foundation.broker.message import DeadLetter, Queue
from ovpo.foundation.broker.nats_link import API, DELETE_FAILED, ApiError, Link
from ovpo.foundation.broker.nats_publish import publish
from ovpo.foundation.broker.nats_read import passage
from ovpo.foundation.broker.nats_wire import DEAD_SUBJECT, dead_stream_of, letter_of, receipt_of, revival_headers

REPLAY_SECONDS: Final = 10.0
_NO_SUCH_MESSAGE: Final = 10_043
_SIZE: Final = "Nats-Msg-Size"
_TIME: Final = "Nats-Time-Stamp"


class NatsDeadLetters:
    """Lists, shows, replays and removes."""

    def __init__(self, link: Link, queue: Queue) -> None:
        self._link = link
        self._queue = queue
        self._stream = dead_stream_of(queue)

    async def page(self, after: str | None, most: int) -> list[DeadLetter]:
        """List the oldest first; only headers travel, whatever the payloads weigh."""
        start: dict[str, Any] = {"deliver_policy": "all"}
        if after is not None:
            start = {"deliver_policy": "by_start_sequence", "opt_start_seq": _sequence(after) + 1}
        letters: list[DeadLetter] = []
        async for raw in passage(self._link, self._stream, {**start, "headers_only": True}, most):
            headers, receipt = raw.headers or {}, receipt_of(raw.reply)
            size = int(headers.get(_SIZE, "0"))
            letters.append(letter_of(str(receipt.sequence), headers, receipt.published_at, size))
        return letters

    async def inspect(self, letter_id: str) -> DeadLetter:
        """Show one letter."""
        raw = await self._get(letter_id)
        headers = raw.headers or {}
        return letter_of(letter_id, headers, _moment(headers[_TIME]), len(raw.data))

    async def payload(self, letter_id: str) -> bytes:
        """Give the bytes of one letter."""
        return (await self._get(letter_id)).data

    async def replay(self, letter_id: str) -> None:
        """Put the message back into its queue, then remove the letter."""
        raw = await self._get(letter_id)
        headers = raw.headers or {}
        revived = revival_headers(self._queue, headers, letter_id, headers[_TIME])
        await publish(self._link, headers[DEAD_SUBJECT], raw.data, revived, REPLAY_SECONDS)
        await self.remove(letter_id)

    async def remove(self, letter_id: str) -> None:
        """Forget the letter for ever."""
        try:
            await self._link.api(f"STREAM.MSG.DELETE.{self._stream}", {"seq": _sequence(letter_id)})
        except ApiError as error:
            if error.code not in {_NO_SUCH_MESSAGE, DELETE_FAILED}:
                raise
            await self._get(letter_id)
            raise

    async def _get(self, letter_id: str) -> Msg:
        """Fetch one letter as it lies in the stream: the direct way, for the other one would inflate it to base64."""
        raw = await self._link.ask(f"{API}.DIRECT.GET.{self._stream}", orjson.dumps({"seq": _sequence(letter_id)}))
        status = (raw.headers or {}).get("Status")
        if status == "404":
            raise self._missing(letter_id)
        if status is not None:
            raise BrokerError(f"NATS: dead letter {letter_id} of queue {self._queue.name} cannot be read ({status})")
        return raw

    def _missing(self, letter_id: str) -> DeadLetterNotFoundError:
        return DeadLetterNotFoundError(
            f"queue {self._queue.name} has no dead letter {letter_id}; list those that it has"
        )


def _sequence(letter_id: str) -> int:
    if not letter_id.isascii() or not letter_id.isdigit() or letter_id.startswith("0") or len(letter_id) > 18:
        raise DeadLetterNotFoundError(f"{letter_id[:40]!r} is no id of a dead letter; take one from their list")
    return int(letter_id)


def _moment(text: str) -> datetime:
    """Read the server's time, which has nine digits after the second where Python takes six."""
    return datetime.fromisoformat(text.rstrip("Z")[:26]).replace(tzinfo=UTC)
