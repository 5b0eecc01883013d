# SPDX-License-Identifier: Apache-2.0
"""Batches of one span, sent somewhere, and what was told of them."""

from typing import Any

from ovpo_sdk.transport.answers import Cause, Outcome, Taken, TryAgain
from ovpo_sdk.transport.sending import Sender
from tests.integration.sdk.batches import new_id, packed, span

KEY = "ovpo_sk_abcdefgh_secret"
SOON = 0.5
TAKEN = Taken(1, 0, 0, ())


def sent(sender: Sender, key: str | None = None) -> Outcome:
    return sender.send(packed(span()), key or new_id(), 1)


def told(outcome: Outcome | str) -> tuple[Cause, bool]:
    """Why a batch has to be sent again, and whether the collector may have had it."""
    assert isinstance(outcome, TryAgain), outcome
    assert "secret" not in outcome.message
    return outcome.cause, outcome.sent


def sent_to(endpoint: str, body: bytes | None = None, **arguments: Any) -> Outcome:
    sender = Sender(endpoint, KEY, SOON, **arguments)
    try:
        return sender.send(packed(span()) if body is None else body, new_id(), 1)
    finally:
        sender.close()
