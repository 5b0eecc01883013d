# SPDX-License-Identifier: Apache-2.0
"""Why a notification did not arrive, as it is kept and shown: never an address, an answer's text or a secret. Pure."""

import ssl
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

MOST_ATTEMPTS: Final = 8
_FIRST_WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(hours=1)
_REFUSED_FOR_GOOD: Final = frozenset({400, 413, 422})
"""What the same body would be answered again; any other answer may change, once a key or a path is mended."""
_FIRST_REDIRECT: Final = 300
_FIRST_ERROR: Final = 400


class DeliveryError(Exception):
    """A receiver did not take a notification."""

    def __init__(self, reason: str, *, for_good: bool = False, retry_after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.for_good = for_good
        self.retry_after = retry_after


def wait_after(attempts: int, asked: timedelta | None) -> timedelta:
    """Say how long to wait after so many attempts: a minute, doubled each time, or longer where the receiver asks."""
    doubled: int = 2 ** (min(attempts, MOST_ATTEMPTS) - 1)
    own = _FIRST_WAIT * doubled
    return min(max(own, asked or timedelta(0)), LONGEST_WAIT)


def of_answer(status: int, retry_after: str | None, now: datetime) -> DeliveryError | None:
    """Give the failure that an HTTP answer stands for, if it does."""
    if status < _FIRST_REDIRECT:
        return None
    if status < _FIRST_ERROR:
        return DeliveryError(f"the receiver answered {status}; redirects are not followed: set url to where it points")
    return DeliveryError(
        f"the receiver answered {status}", for_good=status in _REFUSED_FOR_GOOD, retry_after=_asked(retry_after, now)
    )


def of_network(error: Exception, seconds: float, *, over: bool) -> DeliveryError:
    """Put what went wrong on the way in words."""
    if over or isinstance(error, TimeoutError):
        return DeliveryError(f"the receiver was not done within {seconds:g} s")
    if isinstance(error, ssl.SSLCertVerificationError):
        return DeliveryError(f"the receiver's certificate is not trusted: {error.verify_message}")
    if isinstance(error, ssl.SSLError):
        return DeliveryError(f"TLS with the receiver failed: {error.reason or 'no reason given'}")
    if isinstance(error, ConnectionRefusedError):
        return DeliveryError("nobody listens at the receiver's address")
    if isinstance(error, OSError) and error.strerror:
        return DeliveryError(f"the receiver could not be reached: {error.strerror}")
    return DeliveryError(f"the receiver broke off or spoke no proper protocol ({type(error).__name__})")


def _asked(retry_after: str | None, now: datetime) -> timedelta | None:
    """Read a Retry-After of seconds or of a date; nonsense asks for nothing."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return timedelta(seconds=min(int(text[:9]), LONGEST_WAIT.total_seconds()))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta(0)), LONGEST_WAIT)
