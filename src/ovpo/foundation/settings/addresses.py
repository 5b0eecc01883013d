# SPDX-License-Identifier: Apache-2.0
"""The kinds of address a setting may take: plain strings whose scheme and host were looked at once, at the boundary."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field


def _of_schemes(*schemes: str, host: bool = True) -> Callable[[str], str]:
    """Refuse an address of another scheme, without a host where one is needed, or with a port that is none."""

    def check(value: str) -> str:
        parts = urlsplit(value.split(",", maxsplit=1)[0])
        if parts.scheme not in schemes:
            raise ValueError(f"an address that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        if host and not parts.hostname:
            raise ValueError(f"an address with a host, such as {schemes[0]}://db.example")
        if parts.scheme != "file" and parts.netloc:
            _ = parts.port
        return value

    return check


PostgresUrl = Annotated[
    str, AfterValidator(_of_schemes("postgresql", "postgres")), Field(json_schema_extra={"secret": True})
]
HttpUrl = Annotated[str, AfterValidator(_of_schemes("http", "https"))]
BrokerUrl = Annotated[str, AfterValidator(_of_schemes("nats", "tls", "amqp", "amqps", "kafka", "kafkas"))]
ValkeyUrl = Annotated[str, AfterValidator(_of_schemes("redis", "rediss", "valkey"))]
ObjectsUrl = Annotated[str, AfterValidator(_of_schemes("file", "gs", "s3", host=False))]
