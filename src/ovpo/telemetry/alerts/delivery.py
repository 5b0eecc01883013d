# SPDX-License-Identifier: Apache-2.0
"""Delivering what waits, at least once: after the change that it tells of is kept, and before it is noted as delivered.

An action that cannot be reached is left alone for the rest of a round, so that it does not hold up the others.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec
import structlog
from msgspec import Struct

from ovpo.foundation.settings.faults import SettingsError
from ovpo.telemetry.alerts.actions import Action
from ovpo.telemetry.alerts.failures import MOST_ATTEMPTS, DeliveryError, wait_after
from ovpo.telemetry.alerts.notices import Notice
from ovpo.telemetry.alerts.outbox import Letter, Outbox
from ovpo.telemetry.alerts.rules import Rulebook
from ovpo.telemetry.alerts.secret_files import read_secret
from ovpo.telemetry.alerts.sending import send

ROUND_SECONDS: Final = 60.0
_DIED: Final = "the process died in every attempt to deliver it"
_log: Final = structlog.stdlib.get_logger(__name__)
Send = Callable[[Action, str | None, Notice, UUID, datetime], None]


class Delivered(Struct, frozen=True):
    """What a round of deliveries came to."""

    delivered: int
    failed: int
    given_up: int
    waiting: int


def deliver(outbox: Outbox, book: Rulebook, *, seconds: float = ROUND_SECONDS, by: Send = send) -> Delivered:
    """Deliver what is due until nothing is, or the time of the round is over."""
    end = time.monotonic() + seconds
    left_alone: set[str] = set()
    counts = {"delivered": 0, "failed": 0, "given_up": 0}
    while time.monotonic() < end and (letter := outbox.claim(left_alone)) is not None:
        try:
            _attempt(letter, book, by)
        except DeliveryError as error:
            counts["given_up" if _put_back(outbox, letter, error) else "failed"] += 1
            if not error.for_good:
                left_alone.add(letter.action)
        else:
            outbox.delivered(letter)
            counts["delivered"] += 1
    return Delivered(**counts, waiting=outbox.waiting())


def _attempt(letter: Letter, book: Rulebook, by: Send) -> None:
    action = book.actions.get(letter.action)
    if letter.attempts > MOST_ATTEMPTS:
        raise DeliveryError(_DIED, for_good=True)
    try:
        told = letter.told()
    except msgspec.DecodeError as error:
        raise DeliveryError(f"what is kept of it can no longer be read: {error}", for_good=True) from None
    if action is None:
        raise DeliveryError(f"the rules file has no action {letter.action} any more", for_good=True)
    try:
        secret = read_secret(book, letter.action, action)
    except SettingsError as error:
        _log.warning("alerts.no_secret", reason=str(error))
        raise DeliveryError("the action's secret cannot be read; `ovpo alerts check` says why") from None
    try:
        by(action, secret, told, letter.notification_id, datetime.now(UTC))
    except DeliveryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is said, and stops no other notification
        _log.exception("alerts.unexpected", action=letter.action)
        raise DeliveryError(f"it could not be sent ({type(error).__name__}); the log says more") from None


def _put_back(outbox: Outbox, letter: Letter, error: DeliveryError) -> bool:
    """Put a letter back until later, or give it up; tell whether it was given up."""
    gives_up = error.for_good or letter.attempts >= MOST_ATTEMPTS
    _log.warning(
        "alerts.not_delivered",
        notification_id=str(letter.notification_id),
        action=letter.action,
        attempts=letter.attempts,
        reason=error.reason,
        given_up=gives_up,
    )
    if gives_up:
        outbox.give_up(letter, error.reason)
    else:
        outbox.again(letter, wait_after(letter.attempts, error.retry_after), error.reason)
    return gives_up
