# SPDX-License-Identifier: Apache-2.0
"""An HTTP request in, a typed query out: whose it is, what it sets, how its body and its answer are coded.

Pure. The statement itself is read in `statements`; nothing here touches a socket or the engine.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from uuid import uuid4

from ovpo.foundation.clickhouse.server.encoding import accepted
from ovpo.foundation.clickhouse.server.errors import QueryError, bad_arguments, not_implemented

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_FORMAT = re.compile(r"[A-Za-z0-9_]+\Z")
_QUERY_ID = re.compile(r"[\x20-\x7e]{1,256}\Z")
_SESSION_SECONDS = 60
_SESSION_LIMIT_SECONDS = 3600
_TRANSPORT = frozenset(
    {
        "query",
        "database",
        "default_format",
        "query_id",
        "session_id",
        "session_timeout",
        "session_check",
        "close_session",
        "user",
        "password",
        "quota_key",
        "stacktrace",
        "buffer_size",
        "wait_end_of_query",
        "compress",
        "decompress",
        "client_protocol_version",
        "enable_http_compression",
        "http_zlib_compression_level",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "cancel_http_readonly_queries_on_client_close",
    }
)


@dataclass(frozen=True, slots=True)
class Session:
    """The session a query belongs to."""

    name: str
    seconds: int
    must_exist: bool
    closes: bool


@dataclass(frozen=True, slots=True)
class Query:
    """One request for `/`, before its body is read."""

    sql: bytes
    database: str | None
    default_format: str | None
    query_id: str
    session: Session | None
    parameters: Mapping[str, str]
    settings: Mapping[str, str]
    body_coding: str
    answer_coding: str
    waits_for_end: bool
    read_only: bool


@dataclass(frozen=True, slots=True)
class Account:
    """The one user who may send queries."""

    user: str
    password: str

    def admits(self, user: str, password: str) -> bool:
        """Whether the credentials are right, in a time that does not tell how much of them is."""
        same_user = hmac.compare_digest(user.encode(), self.user.encode())
        same_password = hmac.compare_digest(password.encode(), self.password.encode())
        return same_user and same_password


def credentials(headers: Mapping[str, str], pairs: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """User and password from the ClickHouse headers, Basic authorization or the URL, in ClickHouse's order."""
    if "x-clickhouse-user" in headers or "x-clickhouse-key" in headers:
        return headers.get("x-clickhouse-user", "default"), headers.get("x-clickhouse-key", "")
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return user, password
    parameters = dict(pairs)
    return parameters.get("user", "default"), parameters.get("password", "")


def parse_query(method: str, headers: Mapping[str, str], pairs: Sequence[tuple[str, str]]) -> Query:
    """The typed query of a request; the names of `headers` are in small letters."""
    given = dict(pairs)
    for switch, instead in (
        ("compress", "enable_http_compression=1 with Accept-Encoding"),
        ("decompress", "Content-Encoding"),
    ):
        if _flag(given, switch):
            raise not_implemented(f"{switch}=1 (ClickHouse's own block compression) is not served. Use {instead}.")
    default_format = given.get("default_format") or headers.get("x-clickhouse-format")
    if default_format and not _FORMAT.match(default_format):
        raise bad_arguments(f"default_format {default_format!r} is no format's name. Send letters and digits only.")
    query_id = given.get("query_id") or str(uuid4())
    if not _QUERY_ID.match(query_id):
        raise bad_arguments("query_id is no text of 1 to 256 printable ASCII characters. Send such a text, or none.")
    return Query(
        sql=given.get("query", "").encode(),
        database=given.get("database") or headers.get("x-clickhouse-database") or None,
        default_format=default_format or None,
        query_id=query_id,
        session=_session(given),
        parameters=_parameters(pairs),
        settings=_settings(pairs),
        body_coding=headers.get("content-encoding", ""),
        answer_coding=accepted(headers.get("accept-encoding", "")) if _flag(given, "enable_http_compression") else "",
        waits_for_end=_flag(given, "wait_end_of_query"),
        read_only=method != "POST",
    )


def form_fields(content_type: str, body: bytes) -> list[tuple[str, str]]:
    """The plain fields of a multipart form, as clickhouse-connect sends long parameters."""
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    fields = []
    for part in message.iter_parts():
        if part.get_filename() is not None:
            raise not_implemented("External data (a file in a form) is not served. Insert it into a table first.")
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(payload, bytes):
            raise bad_arguments("A part of the multipart form has no name. Give each part one.")
        fields.append((name, payload.decode()))
    return fields


def _session(given: Mapping[str, str]) -> Session | None:
    name = given.get("session_id")
    if not name:
        return None
    text = given.get("session_timeout", str(_SESSION_SECONDS))
    if not text.isdecimal() or not 0 < int(text) <= _SESSION_LIMIT_SECONDS:
        message = f"session_timeout {text!r} is not a number of seconds from 1 to {_SESSION_LIMIT_SECONDS}."
        raise QueryError(374, "INVALID_SESSION_TIMEOUT", message)
    return Session(name, int(text), _flag(given, "session_check"), _flag(given, "close_session"))


def _parameters(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    parameters = {name[6:]: value for name, value in pairs if name.startswith("param_")}
    odd = next((name for name in parameters if not _IDENTIFIER.match(name)), None)
    if odd is not None:
        raise bad_arguments(f"Query parameter {odd!r} is no identifier. Use letters, digits and underscores.")
    return parameters


def _settings(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    settings = {name: value for name, value in pairs if name not in _TRANSPORT and not name.startswith("param_")}
    odd = next((name for name in settings if not _IDENTIFIER.match(name)), None)
    if odd is not None:
        raise QueryError(115, "UNKNOWN_SETTING", f"Unknown setting {odd!r}.")
    return settings


def _flag(given: Mapping[str, str], name: str) -> bool:
    return given.get(name, "0").lower() in {"1", "true"}
