# SPDX-License-Identifier: Apache-2.0
"""A message as headers and a payload, for the brokers that carry no more than that. Pure.

What a broker adds of its own, and how it names its queues, is not known here.
"""

from collections.abc import Mapping
from typing import Final

from ovpo.foundation.broker.errors import BrokerError, UnreadableError
from ovpo.foundation.broker.message import Message

MESSAGE_ID: Final = "Ovpo-Id"
TENANT: Final = "Ovpo-Tenant"
TRACE: Final = "Ovpo-Trace"
OWN: Final = "Ovpo-Own-"


def headers_of(message: Message) -> dict[str, str]:
    """Write everything but the payload; the message's own headers get a prefix, for brokers act on some names."""
    own = {OWN + name: value for name, value in message.headers.items()}
    return {MESSAGE_ID: message.message_id, TENANT: message.tenant, TRACE: message.trace_key, **own}


def message_of(headers: Mapping[str, str], payload: bytes) -> Message:
    """Read a message back as it was published."""
    try:
        return Message(headers[MESSAGE_ID], headers[TENANT], headers[TRACE], payload, own_headers(headers))
    except KeyError as missing:
        raise UnreadableError(f"unreadable: {missing} is missing") from None
    except BrokerError as refused:
        raise UnreadableError(f"unreadable: {refused}") from None


def own_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Give the headers that came with the message."""
    return {name.removeprefix(OWN): value for name, value in headers.items() if name.startswith(OWN)}


def printable(text: str) -> str:
    """Make a text fit for a header: one line of ASCII."""
    line = text.encode("ascii", "backslashreplace").decode()
    return " ".join("".join(sign if sign.isprintable() else " " for sign in line).split()) or "no reason given"
