# SPDX-License-Identifier: Apache-2.0
"""The two judges of a payload, side by side: what a real collector answers, and what `ovpo schema validate` finds."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
import orjson

from ovpo.foundation.auth import Role
from ovpo.foundation.settings.tree import Settings
from ovpo.telemetry.contract.outcome import EnvelopeError, Item, ItemError
from ovpo.telemetry.contract.read import read_document
from ovpo.telemetry.contract.rules import Reader
from tests.integration.collector.conftest import Collector, bearer, new_tenant
from tests.integration.collector.payloads import ENVELOPE

PATH: Final = "/v1/ingest/batch"
CONFLICT: Final = 409
TAKEN: Final = 200
_WRAPPING: Final = (
    b'{"schema_version":"0.08","batch_id":"5f3e5c7b-1a2b-4c3d-8e9f-0a1b2c3d4e5f",'
    b'"sent_at":"2026-11-21T12:00:01Z","items":['
)


@dataclass(frozen=True)
class Refused:
    """One refusal; of the body as a whole where no item is named."""

    index: int | None
    type: str | None
    id: str | None
    code: str
    field: str | None
    message: str | None


@dataclass(frozen=True)
class Judgement:
    """How many items are taken, and each refusal."""

    taken: int
    refused: tuple[Refused, ...]


def whole(code: str, field: str | None) -> Judgement:
    """Refuse a body as a whole."""
    return Judgement(0, (Refused(None, None, None, code, field, None),))


@dataclass(frozen=True)
class Sender:
    """A tenant with its way to the collector."""

    tenant: str
    client: httpx.Client


NewSender = Callable[[], Sender]


class Bench:
    """Puts a payload before both judges, of the same tenant."""

    def __init__(self, new_sender: NewSender) -> None:
        self._new_sender = new_sender
        self._sender = new_sender()

    def both(self, body: bytes) -> tuple[Judgement, Judgement]:
        """Give the collector's judgement and the command's."""
        answer = self._answer(body)
        if answer.status_code == CONFLICT:  # the tenant used the payload's idempotency key for another payload before
            self._sender = self._new_sender()
            answer = self._answer(body)
        return judgement(answer), by_command(self._own(body), Reader(self._sender.tenant, embedded=True))

    def naked(self, body: bytes) -> Judgement:
        """Give the collector's judgement of a body that is sent just as it is."""
        return judgement(self._sender.client.post(PATH, content=self._own(body)))

    def _answer(self, body: bytes) -> httpx.Response:
        return self._sender.client.post(PATH, content=sendable(self._own(body)))

    def _own(self, body: bytes) -> bytes:
        return body.replace(b'"demo"', b'"%s"' % self._sender.tenant.encode())


@contextmanager
def opened(collector: Collector, settings: Settings) -> Iterator[Bench]:
    """Give a bench before a collector, with tenants that may send as fast as they can."""
    with ExitStack() as held:

        def new_sender() -> Sender:
            tenant = new_tenant(settings, "enterprise")
            headers = {"Content-Type": "application/json", **bearer(settings, tenant, Role.DEVELOPER)}
            client = httpx.Client(base_url=collector.url, headers=headers, timeout=60)
            return Sender(tenant, held.enter_context(client))

        yield Bench(new_sender)


def sendable(body: bytes) -> bytes:
    """Put what the command takes for a single item into a batch of its own; leave everything else as it is."""
    return _WRAPPING + body + b"]}" if is_single(body) else body


def is_single(body: bytes) -> bool:
    """Tell a single item, or whatever stands in its place, from a batch and from what is no JSON."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return not isinstance(value, dict) or ENVELOPE.isdisjoint(value)


def judgement(answer: httpx.Response) -> Judgement:
    """Read the collector's answer."""
    said: dict[str, Any] = answer.json()
    if answer.status_code != TAKEN:
        fault = said["error"]
        return whole(fault["code"], (fault.get("details") or {}).get("field"))
    assert said["failed_items"] == len(said["errors"])
    return Judgement(
        said["processed_items"] + said["duplicate_items"],
        tuple(
            Refused(one["item_index"], one["item_type"], one.get("item_id"), one["code"], one["field"], one["message"])
            for one in said["errors"]
        ),
    )


def by_command(body: bytes, reader: Reader) -> Judgement:
    """Judge a payload as `ovpo schema validate` judges a file of it."""
    try:
        outcome = read_document(body, reader)
    except EnvelopeError as error:
        return whole(error.code, error.field)
    if isinstance(outcome, Item):
        return Judgement(1, ())
    errors = (outcome,) if isinstance(outcome, ItemError) else outcome.errors
    return Judgement(
        0 if isinstance(outcome, ItemError) else len(outcome.accepted),
        tuple(Refused(one.item_index, one.item_type, one.item_id, one.code, one.field, one.message) for one in errors),
    )
