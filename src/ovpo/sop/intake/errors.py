# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between the inbox and the record: with one file, or with the inbox as a whole."""

from ovpo.foundation.unavailable import StoreUnavailableError
from ovpo.sop.errors import SopError


class IntakeError(SopError):
    """A file cannot be taken in; the message says what its sender is to change, and names neither file nor person."""


class ArrivalGoneError(Exception):
    """What was found is not there any more, or is another by now; what took its place is an arrival of its own."""


class InboxUnavailableError(StoreUnavailableError):
    """The inbox cannot be read or written now; the same may work later."""
