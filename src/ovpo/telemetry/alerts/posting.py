# SPDX-License-Identifier: Apache-2.0
"""One POST of JSON to a receiver that nobody vouches for: no redirect, no ambient proxy, bounded in every way."""

import http.client
import ssl
from collections.abc import Mapping
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

import structlog

from ovpo.foundation.observability.redact import redact_text
from ovpo.telemetry.alerts.deadline import deadline
from ovpo.telemetry.alerts.failures import of_answer, of_network

SECONDS: Final = 10.0
MOST_ANSWER_BYTES: Final = 4_096
_MOST_LOGGED: Final = 300
_AGENT: Final = "OVPO-alerts"
_log: Final = structlog.stdlib.get_logger(__name__)


def post(
    url: str, body: bytes, headers: Mapping[str, str], now: datetime, *, secret: str, seconds: float = SECONDS
) -> None:
    """Post a body; raise DeliveryError unless the receiver answers with success.

    What it says beside its status is read up to 4 KiB and goes to the log alone, without the secret.
    """
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = _connection(parts.scheme, parts.hostname or "", parts.port, seconds)
    sent = {"Content-Type": "application/json", "User-Agent": _AGENT, "Connection": "close", **headers}
    with deadline(seconds, lambda: connection.sock) as limit:
        try:
            connection.request("POST", path, body, sent)
            answer = connection.getresponse()
            if limit.over:
                # The end of a socket that was shut looks to the parser like the end of the headers.
                raise TimeoutError
            said = _said(answer)
        except (OSError, HTTPException, UnicodeError) as error:
            raise of_network(error, seconds, over=limit.over) from None
        finally:
            connection.close()
    failure = of_answer(answer.status, answer.headers.get("Retry-After"), now)
    if failure is not None:
        _log.warning("alerts.refused", status=answer.status, answer=_shown(said, secret))
        raise failure


def _connection(scheme: str, host: str, port: int | None, seconds: float) -> HTTPConnection:
    if scheme == "http":
        return HTTPConnection(host, port or http.client.HTTP_PORT, timeout=seconds)
    context = ssl.create_default_context()
    return HTTPSConnection(host, port or http.client.HTTPS_PORT, timeout=seconds, context=context)


def _said(answer: HTTPResponse) -> bytes:
    """Read the beginning of what was said beside the status, which is the answer whatever becomes of the rest."""
    try:
        return answer.read(MOST_ANSWER_BYTES)
    except (OSError, HTTPException):
        return b""


def _shown(said: bytes, secret: str) -> str:
    text = said.decode("utf-8", "replace").replace(secret, "***")
    return "".join(character if character.isprintable() else " " for character in redact_text(text))[:_MOST_LOGGED]
