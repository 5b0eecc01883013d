# SPDX-License-Identifier: Apache-2.0
"""Everything that can go wrong at a broker, as one family of errors."""

from collections.abc import Mapping

_SHOWN = 5


class BrokerError(Exception):
    """The broker could not do what was asked of it."""


class BrokerUnavailableError(BrokerError):
    """The broker cannot be reached or does not answer; the same call may work later."""


class MessageRefusedError(BrokerError):
    """A message or a name breaks a rule, so nothing was sent."""


class UnreadableError(BrokerError):
    """A message in the queue was not written by OVPO, or is damaged."""


class DeadLetterNotFoundError(BrokerError):
    """There is no dead letter of that id (any more)."""


class UnconfirmedError(BrokerUnavailableError):
    """Some messages were not confirmed; they may or may not be stored, and may be published again under the same id."""

    def __init__(self, queue: str, reasons: Mapping[str, str]) -> None:
        shown = "; ".join(f"{message_id}: {reason}" for message_id, reason in list(reasons.items())[:_SHOWN])
        rest = f"; and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
        super().__init__(f"queue {queue}: {len(reasons)} messages not confirmed: {shown}{rest}")
        self.unconfirmed = tuple(reasons)
