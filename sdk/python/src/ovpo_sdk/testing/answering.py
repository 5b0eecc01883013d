# SPDX-License-Identifier: Apache-2.0
"""What a healthy collector answers to a request: the routes, the key, the encoding, the errors. Knows no sockets."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

import msgspec

from ovpo_sdk.testing.book import Book, KeyTakenError
from ovpo_sdk.testing.judging import KEY_BYTES, RefusedBatchError
from ovpo_sdk.testing.rules import Breach

INGEST: Final = "/v1/ingest/batch"
WHOAMI: Final = "/v1/whoami"
BODY_BYTES: Final = 5 * 1024 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came; the names of its headers are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, before it is written to a socket."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class UnreadableBodyError(Exception):
    """A body that is too large or cannot be decompressed."""

    def __init__(self, status: int, breach: Breach) -> None:
        super().__init__(breach.message)
        self.status = status
        self.breach = breach


def decoded(asked: Asked) -> bytes:
    """Give the body as it was before it was compressed; raise UnreadableBodyError where that cannot be done."""
    encoding = asked.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip"}:
        breach = Breach("UNSUPPORTED_MEDIA_TYPE", "Content-Encoding", "must be gzip, or be left out")
        raise UnreadableBodyError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, breach)
    body, complete = asked.body, True
    if encoding == "gzip":
        stream = zlib.decompressobj(_GZIP)
        try:
            body = stream.decompress(asked.body, BODY_BYTES + 1)
        except zlib.error as error:
            breach = Breach("INVALID_FORMAT", "body", f"the gzip body cannot be decompressed: {error}; send it again")
            raise UnreadableBodyError(HTTPStatus.BAD_REQUEST, breach) from None
        complete = stream.eof
    if len(body) > BODY_BYTES:
        breach = Breach("PAYLOAD_TOO_LARGE", "$", f"has more than {BODY_BYTES} bytes when decoded; split the batch")
        raise UnreadableBodyError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, breach)
    if not complete:
        breach = Breach("INVALID_FORMAT", "body", "the gzip body ends before its end; send it again")
        raise UnreadableBodyError(HTTPStatus.BAD_REQUEST, breach)
    return body


def answer(asked: Asked, book: Book, key: str, tenant: str) -> Reply:
    """Answer a request, and put what it brings into the book."""
    if asked.headers.get("authorization") != f"Bearer {key}":
        return _error(HTTPStatus.UNAUTHORIZED, Breach("UNAUTHORIZED", "Authorization", "holds no key that is known"))
    match asked.method, asked.path:
        case ("GET", path) if path == WHOAMI:
            return _json(HTTPStatus.OK, {"tenant_id": tenant, "role": "developer", "key_prefix": key.split("_")[2]})
        case ("POST", path) if path == INGEST:
            return _ingest(asked, book, tenant)
        case _:
            return _error(HTTPStatus.NOT_FOUND, Breach("NOT_FOUND", asked.path, "is nothing that this service has"))


def _ingest(asked: Asked, book: Book, tenant: str) -> Reply:
    if asked.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        breach = Breach("UNSUPPORTED_MEDIA_TYPE", "Content-Type", "must be application/json, in UTF-8")
        return _error(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, breach)
    if asked.headers.get("x-ovpo-schema-version", "0.08") != "0.08":
        breach = Breach("SCHEMA_MISMATCH", "X-OVPO-Schema-Version", "must be 0.08, or be left out")
        return _error(HTTPStatus.BAD_REQUEST, breach)
    key = asked.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= KEY_BYTES:
        breach = Breach("INVALID_FORMAT", "Idempotency-Key", f"needs 1 to {KEY_BYTES} bytes")
        return _error(HTTPStatus.BAD_REQUEST, breach)
    try:
        taken = book.take(decoded(asked), key, tenant, datetime.now(UTC).isoformat())
    except UnreadableBodyError as error:
        return _error(error.status, error.breach)
    except RefusedBatchError as error:
        return _error(HTTPStatus.BAD_REQUEST, error.breach)
    except KeyTakenError:
        message = "was used with another body; give each batch a key of its own"
        return _error(HTTPStatus.CONFLICT, Breach("CONFLICT", "Idempotency-Key", message))
    return _json(HTTPStatus.OK, taken)


def _error(status: int, breach: Breach) -> Reply:
    message = f"{breach.field}: {breach.message}"
    error = {"code": breach.code, "message": message, "request_id": "test", "details": {"field": breach.field}}
    return _json(status, {"error": error})


def _json(status: int, value: Any) -> Reply:
    return Reply(int(status), msgspec.json.encode(value), {"Content-Type": "application/json"})
