# SPDX-License-Identifier: Apache-2.0
"""What became of a batch, and how that is read from an HTTP answer. Pure; the network is `sending`'s business."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Final, TypeAlias
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from ovpo_sdk.records import Count
from ovpo_sdk.transport.backoff import read_retry_after

LONGEST_MESSAGE: Final = 300
"""How much of what a server says is passed on."""


class Cause(StrEnum):
    """Why a batch has to be sent again."""

    CONNECT = "connect"
    DNS = "dns"
    TLS = "tls"
    TIMEOUT = "timeout"
    CUT = "cut"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"
    GARBAGE = "garbage"


class ItemError(Struct, frozen=True):
    """An item that breaks the contract and was not taken."""

    item_index: Count
    item_type: str | None
    code: str
    field: str
    message: str
    item_id: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """The collector answers for every item: durable, known from before, or refused for a reason."""

    processed: int
    duplicate: int
    failed: int
    errors: tuple[ItemError, ...]


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Nothing is known to be taken; the same batch under the same key may be."""

    cause: Cause
    message: str
    after_seconds: float | None
    """How long the server asked us to wait, if it did."""
    sent: bool
    """Whether the collector may have had the batch."""


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The batch is to be halved."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """The idempotency key was used with another body; the batch is to be sent under a new one."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The batch as a whole breaks the contract and will never be taken."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Denied:
    """The key or the address is wrong: nothing is lost, but somebody has to change a setting."""

    status: int
    message: str


Outcome: TypeAlias = Taken | TryAgain | TooLarge | Conflict | Refused | Denied


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer that arrived whole; the names of its headers are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Batch(Struct, frozen=True):
    processed_items: Count
    duplicate_items: Count
    failed_items: Count
    errors: tuple[ItemError, ...]


class _Detail(Struct, frozen=True):
    code: str
    message: str = ""


class _Error(Struct, frozen=True):
    error: _Detail


class _WhoAmI(Struct, frozen=True):
    tenant_id: str


_BATCHES: Final = msgspec.json.Decoder(_Batch)
_ERRORS: Final = msgspec.json.Decoder(_Error)
_CALLERS: Final = msgspec.json.Decoder(_WhoAmI)


def read_outcome(answer: HttpAnswer, items: int | None, now: datetime) -> Outcome:
    """Say what became of a batch of so many items; without a number, only that its counts agree with its errors."""
    if not _is_success(answer.status):
        return read_failure(answer, now)
    try:
        batch = _BATCHES.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _garbage(answer)
    total = batch.processed_items + batch.duplicate_items + batch.failed_items
    if batch.failed_items != len(batch.errors) or (items is not None and total != items):
        message = (
            f"the collector answered for {total} items with {len(batch.errors)} errors, which is not what was sent"
        )
        return TryAgain(Cause.GARBAGE, message, None, sent=True)
    if any(error.item_index >= total for error in batch.errors):
        return TryAgain(Cause.GARBAGE, "the collector answered about an item that was not sent", None, sent=True)
    return Taken(batch.processed_items, batch.duplicate_items, batch.failed_items, batch.errors)


def read_tenant(answer: HttpAnswer, now: datetime) -> str | Outcome:
    """Say whose key was sent."""
    if not _is_success(answer.status):
        return read_failure(answer, now)
    try:
        return _CALLERS.decode(answer.body).tenant_id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _garbage(answer)


def read_failure(answer: HttpAnswer, now: datetime) -> Outcome:
    """Say what an answer means that is no success."""
    status, said = answer.status, _said(answer.body)
    after = read_retry_after(answer.headers.get("retry-after"), now)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return TryAgain(Cause.BUSY, f"the collector answered 429{_quoted(said)}", after, sent=True)
    if status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY} or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return TryAgain(Cause.UNAVAILABLE, f"the collector answered {status}{_quoted(said)}", after, sent=True)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooLarge()
    if status == HTTPStatus.CONFLICT:
        return Conflict()
    if remedy := _remedy(answer):
        return Denied(status, f"{remedy}{_quoted(said)}")
    if said is None:
        return _garbage(answer)
    return Refused(said.code, said.message[:LONGEST_MESSAGE])


def _remedy(answer: HttpAnswer) -> str | None:
    """Name the setting to change where one is wrong."""
    match answer.status:
        case HTTPStatus.UNAUTHORIZED:
            return "the collector does not know the key: set OVPO_KEY to one that is valid"
        case HTTPStatus.FORBIDDEN:
            return "the key may not send telemetry: set OVPO_KEY to one of the role developer or more"
        case HTTPStatus.NOT_FOUND | HTTPStatus.METHOD_NOT_ALLOWED | HTTPStatus.GONE:
            return f"there is no collector at this address ({answer.status}): correct OVPO_ENDPOINT"
        case HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            return "the proxy wants a name and a password: put them into the proxy's address"
        case status if 300 <= status < 400:
            return (
                f"the address redirects{_whereto(answer.headers.get('location'))}: set OVPO_ENDPOINT to the collector"
            )
        case _:
            return None


def _whereto(location: str | None) -> str:
    """Name the server alone: the rest of an address may hold what is nobody's business."""
    try:
        host = urlsplit(location or "").hostname
    except ValueError:
        host = None
    return f" to {host}" if host else ""


def _said(body: bytes) -> _Detail | None:
    """Read an error of the contract; `None` where it is somebody else's."""
    try:
        return _ERRORS.decode(body).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _quoted(said: _Detail | None) -> str:
    return f" ({said.code}: {said.message[:LONGEST_MESSAGE]})" if said else ""


def _garbage(answer: HttpAnswer) -> TryAgain:
    message = (
        f"what answered {answer.status} is not a collector; see whether OVPO_ENDPOINT leads to a login page or a proxy"
    )
    return TryAgain(Cause.GARBAGE, message, None, sent=True)


def _is_success(status: int) -> bool:
    return 200 <= status < 300
