# SPDX-License-Identifier: Apache-2.0
"""Whom an alert is told to, as a rules file says it. A secret is named by its file and never written here. Pure."""

from collections.abc import Iterator
from typing import Annotated, Final
from urllib.parse import parse_qsl, urlsplit

from msgspec import Meta, Struct

from ovpo.foundation.observability.redact import is_secret_name

File = Annotated[str, Meta(min_length=1, max_length=4096)]
Url = Annotated[str, Meta(pattern=r"\Ahttps?://[!-~]{1,2000}\Z")]
Address = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}\Z")]
Host = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9.:-]{1,255}\Z")]
PAGERDUTY: Final = "https://events.pagerduty.com/v2/enqueue"
OPSGENIE: Final = "https://api.opsgenie.com/v2/alerts"


class _Action(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    pass


class Webhook(_Action, frozen=True, tag="webhook"):
    """JSON, signed with the secret, to an address of yours."""

    url: Url
    secret_file: File
    allow_http: bool = False


class Slack(_Action, frozen=True, tag="slack"):
    """A message by an incoming webhook, whose address is itself the secret."""

    secret_file: File
    allow_http: bool = False


class PagerDuty(_Action, frozen=True, tag="pagerduty"):
    """An incident by the Events API v2; the secret is the routing key of the integration."""

    secret_file: File
    url: Url = PAGERDUTY
    allow_http: bool = False


class OpsGenie(_Action, frozen=True, tag="opsgenie"):
    """An alert by the Alert API; the secret is the key of the API integration."""

    secret_file: File
    url: Url = OPSGENIE
    allow_http: bool = False


class Email(_Action, frozen=True, tag="email", rename={"sender": "from"}):
    """A message by SMTP."""

    host: Host
    sender: Address
    to: Annotated[tuple[Address, ...], Meta(min_length=1, max_length=50)]
    port: Annotated[int, Meta(ge=1, le=65_535)] = 587
    starttls: bool = True
    username: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    password_file: File | None = None


Action = Webhook | Slack | PagerDuty | OpsGenie | Email
TYPES: Final[dict[str, type[Struct]]] = {
    "webhook": Webhook,
    "slack": Slack,
    "pagerduty": PagerDuty,
    "opsgenie": OpsGenie,
    "email": Email,
}
TAKES: Final = {
    "type": f"one of {', '.join(TYPES)}",
    "url": "an address that begins with https://, or with http:// where allow_http is true",
    "secret_file": "the path of a file that holds the secret, as text",
    "password_file": "the path of a file that holds the password, as text",
    "allow_http": "true or false",
    "host": "the name of an SMTP server",
    "port": "a whole number between 1 and 65535",
    "from": "an address like ovpo@example.com",
    "to": "a list of 1 to 50 addresses like [ops@example.com]",
    "starttls": "true or false",
    "username": "a text that is not empty",
}
"""What each field of an action takes, in words."""


def type_of(action: Action) -> str:
    """Name the type of an action."""
    return str(type(action).__struct_config__.tag)


def secret_file(action: Action) -> str | None:
    """Name the file of an action's secret."""
    return action.password_file if isinstance(action, Email) else action.secret_file


def contradictions(action: Action) -> Iterator[tuple[str, str]]:
    """Give each field of an action that is well formed and yet cannot be meant, with what is wrong."""
    if isinstance(action, Email):
        if (action.username is None) != (action.password_file is None):
            yield "username", "goes with password_file: give both or neither"
        if action.username is not None and not action.starttls:
            yield (
                "starttls",
                "is false, which would send the password in the clear: take out username, or set it to true",
            )
    elif not isinstance(action, Slack):
        yield from (("url", fault) for fault in faults_of_url(action.url, allow_http=action.allow_http))


def faults_of_url(url: str, *, allow_http: bool) -> Iterator[str]:
    """Say what is wrong with an address to post to; none of it is repeated."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        yield "is no address"
        return
    if not host or port == 0:
        yield "names no host that could be reached"
    if parts.scheme == "http" and not allow_http:
        yield "is sent in the clear: take https://, or say allow_http: true for a target that you trust the way to"
    if parts.username is not None or any(is_secret_name(name) for name, _ in parse_qsl(parts.query)):
        yield "holds what looks like a secret; put it into secret_file"
    if parts.fragment:
        yield "has a part behind #, which is never sent; take it out"
