# SPDX-License-Identifier: Apache-2.0
"""How long to wait before the next attempt: exponential with full jitter, later if the server asked for it. Pure."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

FIRST_SECONDS: Final = 0.5
MOST_SECONDS: Final = 60.0
LONGEST_REQUEST_SECONDS: Final = 300.0
"""The longest that a server may ask us to stay away: one with a wrong clock must not silence us for a day."""


def delay(failures: int, chance: float, after_seconds: float | None = None) -> float:
    """Give the seconds to wait after so many failures in a row, for a chance between 0 and 1.

    Any part of the span is as likely as another, and the span begins when the server said: neither pipelines that
    failed together nor those that were sent away together come back together.
    """
    span = min(MOST_SECONDS, FIRST_SECONDS * 2.0 ** min(max(failures, 1) - 1, 16))
    return (after_seconds or 0.0) + chance * span


def read_retry_after(text: str | None, now: datetime) -> float | None:
    """Read a `Retry-After` header, in seconds or as a date; `None` where it says nothing that can be understood."""
    said = (text or "").strip()
    if said.isascii() and said.isdigit():
        return min(float(said), LONGEST_REQUEST_SECONDS)
    try:
        at = parsedate_to_datetime(said)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return min(max((at - now).total_seconds(), 0.0), LONGEST_REQUEST_SECONDS)
