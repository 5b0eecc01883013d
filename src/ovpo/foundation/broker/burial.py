# SPDX-License-Identifier: Apache-2.0
"""Dead letters as headers, for the brokers that cannot find a message by a number of their own. Pure.

A letter's id begins with the time of death, so that ids sort, and ends with a digest of what died where: a message that
was buried twice, because the first burial's answer was lost, has two ids of one digest and counts as one letter.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final

from ovpo.foundation.broker.envelope import MESSAGE_ID, TENANT, TRACE, own_headers, printable
from ovpo.foundation.broker.errors import DeadLetterNotFoundError
from ovpo.foundation.broker.message import DeadLetter, Queue

DEAD: Final = "Ovpo-Dead-"
DEAD_ID: Final = DEAD + "Id"
_REASON: Final = DEAD + "Reason"
_ATTEMPTS: Final = DEAD + "Attempts"
_SEQUENCE: Final = DEAD + "Sequence"
_MOST_REASON: Final = 500
_LETTER_ID: Final = re.compile(r"([0-9]{1,18})-([0-9a-f]{16})")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Burial:
    """Who gave a message up, where it lay, when and why."""

    consumer: str
    sequence: int
    attempts: int
    reason: str
    died_at: datetime


def burial_headers(headers: Mapping[str, str], burial: Burial) -> dict[str, str]:
    """Write a dead letter's headers: the message's, and what became of it."""
    what = f"{burial.consumer} {burial.sequence} {headers.get(MESSAGE_ID, '')}"
    died = (burial.died_at - _EPOCH) // timedelta(microseconds=1)
    return {
        **headers,
        DEAD_ID: f"{died}-{blake2b(what.encode(), digest_size=8).hexdigest()}",
        _REASON: printable(burial.reason)[:_MOST_REASON],
        _ATTEMPTS: str(burial.attempts),
        _SEQUENCE: str(burial.sequence),
    }


def revival_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Write the headers of a message that goes back into its queue."""
    return {name: value for name, value in headers.items() if not name.startswith(DEAD)}


def letter_of(headers: Mapping[str, str], payload_bytes: int) -> DeadLetter:
    """Read a dead letter from its headers alone; what an unreadable message lacks is empty."""
    letter_id = headers[DEAD_ID]
    return DeadLetter(
        letter_id=letter_id,
        message_id=headers.get(MESSAGE_ID, ""),
        tenant=headers.get(TENANT, ""),
        trace_key=headers.get(TRACE, ""),
        reason=headers[_REASON],
        attempts=int(headers[_ATTEMPTS]),
        sequence=int(headers[_SEQUENCE]),
        died_at=_EPOCH + timedelta(microseconds=_place(letter_id)[0]),
        payload_bytes=payload_bytes,
        headers=own_headers(headers),
    )


def page_of(letters: Iterable[DeadLetter], after: str | None, most: int) -> list[DeadLetter]:
    """Sort what was found, count a message that was buried twice once, and cut the page."""
    found: dict[str, DeadLetter] = {}
    for letter in sorted(letters, key=lambda letter: _place(letter.letter_id)):
        found.setdefault(_place(letter.letter_id)[1], letter)
    seen = _place(after) if after is not None else (-1, "")
    return [letter for letter in found.values() if _place(letter.letter_id) > seen][:most]


def same(letter_id: str, other: str) -> bool:
    """Say whether two ids mean one letter."""
    return _place(letter_id)[1] == _place(other)[1]


def missing(queue: Queue, letter_id: str) -> DeadLetterNotFoundError:
    """Say that there is no such letter."""
    return DeadLetterNotFoundError(f"queue {queue.name} has no dead letter {letter_id[:40]}; list those that it has")


def _place(letter_id: str) -> tuple[int, str]:
    parts = _LETTER_ID.fullmatch(letter_id)
    if parts is None:
        raise DeadLetterNotFoundError(f"{letter_id[:40]!r} is no id of a dead letter; take one from their list")
    return int(parts[1]), parts[2]
