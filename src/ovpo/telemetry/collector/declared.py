# SPDX-License-Identifier: Apache-2.0
"""What the headers of a batch declare: its type, its encoding, its schema version, its idempotency key. Pure."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from starlette.datastructures import Headers

from ovpo.foundation.http.errors import Code
from ovpo.telemetry.collector.refusal import RefusedError
from ovpo.telemetry.contract.limits import IDEMPOTENCY_KEY_BYTES, SCHEMA_VERSION

IDEMPOTENCY_KEY: Final = "Idempotency-Key"
VERSION: Final = "X-OVPO-Schema-Version"
_TYPE: Final = "application/json"
_CHARSET: Final = "utf-8"


class Encoding(Enum):
    """How a body is compressed."""

    IDENTITY = "identity"
    GZIP = "gzip"
    ZSTD = "zstd"


@dataclass(frozen=True, slots=True)
class Declared:
    """Headers that were found good."""

    encoding: Encoding
    idempotency_key: str | None


def read(headers: Headers) -> Declared:
    """Check the headers in the order: type, encoding, version, key."""
    _require_json(headers.getlist("content-type"))
    encoding = _encoding(headers.getlist("content-encoding"))
    versions = headers.getlist(VERSION)
    if any(version != SCHEMA_VERSION for version in versions):
        raise RefusedError(
            Code.SCHEMA_MISMATCH, f"must be {SCHEMA_VERSION}, or be left out; follow that version", field=VERSION
        )
    return Declared(encoding, _key(headers.getlist(IDEMPOTENCY_KEY)))


def _require_json(types: list[str]) -> None:
    kind, *parameters = [part.strip().lower() for part in types[0].split(";")] if len(types) == 1 else [""]
    charsets = [part.removeprefix("charset=").strip('"') for part in parameters if part.startswith("charset=")]
    if kind != _TYPE or any(charset != _CHARSET for charset in charsets):
        raise RefusedError(Code.UNSUPPORTED_MEDIA_TYPE, f"must be {_TYPE}, in UTF-8", field="Content-Type")


def _encoding(encodings: list[str]) -> Encoding:
    if not encodings:
        return Encoding.IDENTITY
    try:
        [wanted] = encodings
        return Encoding(wanted.strip().lower())
    except ValueError:
        raise RefusedError(
            Code.UNSUPPORTED_MEDIA_TYPE, "must be one of gzip, zstd, or be left out", field="Content-Encoding"
        ) from None


def _key(keys: list[str]) -> str | None:
    if not keys:
        return None
    if len(keys) > 1:
        raise RefusedError(Code.INVALID_FORMAT, "stands twice; send one", field=IDEMPOTENCY_KEY)
    try:
        key = keys[0].encode("latin-1").decode()
    except UnicodeDecodeError:
        raise RefusedError(Code.INVALID_FORMAT, "is not text in UTF-8", field=IDEMPOTENCY_KEY) from None
    if not key:
        raise RefusedError(Code.INVALID_FORMAT, "is empty; give it a value or leave it out", field=IDEMPOTENCY_KEY)
    if len(key.encode()) > IDEMPOTENCY_KEY_BYTES:
        raise RefusedError(
            Code.FIELD_TOO_LARGE, f"has more than {IDEMPOTENCY_KEY_BYTES} bytes; shorten it", field=IDEMPOTENCY_KEY
        )
    return key
