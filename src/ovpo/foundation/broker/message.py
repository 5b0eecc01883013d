# SPDX-License-Identifier: Apache-2.0
"""What travels through a queue, as frozen values that are checked once, when they are made.

The rules here hold for every broker, so no adapter checks them again. How a broker writes a message is not known here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final
from zlib import crc32

from ovpo.foundation.broker.errors import MessageRefusedError

MAX_PAYLOAD_BYTES: Final = 10 * 1024 * 1024
MAX_HEADER_BYTES: Final = 8 * 1024
MAX_FETCH_BYTES: Final = 64 * 1024 * 1024
BUCKETS: Final = 64
DEDUPLICATION_WINDOW: Final = timedelta(hours=24)

_TENANT = re.compile(r"[a-z0-9-]{1,128}")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_TOKEN = re.compile(r"[!-~]{1,200}")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_HEADER_VALUE = re.compile(r"(?:[!-~](?:[ -~]*[!-~])?)?")
_RESERVED = ("nats-", "ovpo-")


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue by name.

    A message id that comes again within `remembers` is not stored a second time, by brokers that can tell.
    """

    name: str
    remembers: timedelta = DEDUPLICATION_WINDOW

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise MessageRefusedError(f"queue name {self.name!r}: takes a-z, 0-9 and -, at most 32, a letter first")
        if self.remembers < timedelta(milliseconds=100):
            raise MessageRefusedError(f"queue {self.name}: remembers {self.remembers}; takes at least 0.1 s")


@dataclass(frozen=True, slots=True)
class Message:
    """One unit of work: whose it is, which trace it belongs to, and the bytes that its consumer understands."""

    message_id: str
    tenant: str
    trace_key: str
    payload: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        for name, value, pattern, takes in (
            ("message_id", self.message_id, _TOKEN, "1 to 200 printable ASCII characters without a space"),
            ("tenant", self.tenant, _TENANT, "1 to 128 of a-z, 0-9 and -"),
            ("trace_key", self.trace_key, _TOKEN, "1 to 200 printable ASCII characters without a space"),
        ):
            if not pattern.fullmatch(value):
                raise MessageRefusedError(f"{name} {value[:200]!r}: takes {takes}")
        if len(self.payload) > MAX_PAYLOAD_BYTES:
            raise MessageRefusedError(
                f"payload of message {self.message_id} has {len(self.payload)} bytes; "
                f"takes at most {MAX_PAYLOAD_BYTES}: split the batch"
            )
        object.__setattr__(self, "headers", MappingProxyType(_checked_headers(self.headers)))

    @property
    def bucket(self) -> int:
        """The partition of the trace within its tenant: the same for every message of one trace, on every machine."""
        return bucket_of(self.trace_key)


@dataclass(frozen=True, slots=True)
class Stored:
    """A message with its place in the queue."""

    message: Message
    sequence: int
    published_at: datetime


@dataclass(frozen=True, slots=True)
class FromSequence:
    """Read from this place in the queue on."""

    sequence: int


@dataclass(frozen=True, slots=True)
class FromTime:
    """Read what was published at this moment or later."""

    moment: datetime


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a message is tried, and how long one try may take before it is given to another consumer.

    A try that ended with its consumer counts like one that failed: the broker cannot tell the two apart.
    """

    most_attempts: int = 5
    ack_within: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up, without its payload. Its fields are plain: an unreadable message is one too."""

    letter_id: str
    message_id: str
    tenant: str
    trace_key: str
    reason: str
    attempts: int
    sequence: int
    died_at: datetime
    payload_bytes: int
    headers: Mapping[str, str]


def bucket_of(trace_key: str) -> int:
    """Give the partition of a trace within its tenant."""
    return crc32(trace_key.encode()) % BUCKETS


def consumer_name(name: str) -> str:
    """Give the name of a group of consumers back, when it may be one."""
    if not _NAME.fullmatch(name):
        raise MessageRefusedError(f"consumer name {name!r}: takes a-z, 0-9 and -, at most 32, a letter first")
    return name


def _checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    size = 0
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower().startswith(_RESERVED):
            raise MessageRefusedError(
                f"header name {name[:64]!r}: takes letters, digits and -, at most 64, none of Nats- and Ovpo-"
            )
        if not _HEADER_VALUE.fullmatch(value):
            raise MessageRefusedError(f"header {name}: takes printable ASCII without white space at its ends")
        size += len(name) + len(value) + 4
    if size > MAX_HEADER_BYTES:
        raise MessageRefusedError(
            f"headers have {size} bytes; take at most {MAX_HEADER_BYTES}: move what is large into the payload"
        )
    return dict(headers)
