# SPDX-License-Identifier: Apache-2.0
"""One message to an SMTP server, with STARTTLS unless the action says otherwise, bounded in time."""

import smtplib
import ssl
from email.message import EmailMessage
from typing import Final

import structlog

from ovpo.telemetry.alerts.actions import Email
from ovpo.telemetry.alerts.deadline import deadline
from ovpo.telemetry.alerts.failures import DeliveryError, of_network

SECONDS: Final = 20.0
_log: Final = structlog.stdlib.get_logger(__name__)
_FIRST_PERMANENT: Final = 500


class _Client(smtplib.SMTP):
    """Made before it connects, so that a deadline finds its socket from the first byte."""

    def __init__(self, host: str, seconds: float) -> None:
        super().__init__(timeout=seconds)
        # STARTTLS checks the certificate against this name, which only a client that connects when it is made has.
        self._host = host


def mail(action: Email, message: EmailMessage, password: str | None, *, seconds: float = SECONDS) -> None:
    """Send a message; raise DeliveryError unless the server takes it for at least one recipient."""
    connection = _Client(action.host, seconds)
    with deadline(seconds, lambda: connection.sock) as limit:
        try:
            connection.connect(action.host, action.port)
            if action.starttls:
                connection.starttls(context=ssl.create_default_context())
            if action.username is not None and password is not None:
                connection.login(action.username, password)
            refused = connection.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            raise DeliveryError(
                f"the server refused every recipient ({', '.join(map(str, codes))})",
                for_good=all(code >= _FIRST_PERMANENT for code in codes),
            ) from None
        except smtplib.SMTPNotSupportedError:
            raise DeliveryError("the server offers no STARTTLS or no login; see starttls and username") from None
        except smtplib.SMTPAuthenticationError as error:
            raise DeliveryError(f"the server refused the login ({error.smtp_code})") from None
        except smtplib.SMTPResponseException as error:
            if limit.over:
                raise of_network(error, seconds, over=True) from None
            raise DeliveryError(f"the server answered {error.smtp_code}") from None
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            raise of_network(error, seconds, over=limit.over) from None
        finally:
            connection.close()
    if refused:
        _log.warning("alerts.recipients_refused", refused=len(refused), of=len(action.to))
