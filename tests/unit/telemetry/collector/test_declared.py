# SPDX-License-Identifier: Apache-2.0
"""Headers of a batch: which are taken, and which are refused by which name."""

import pytest
from starlette.datastructures import Headers

from ovpo.foundation.http.errors import Code
from ovpo.telemetry.collector.declared import Declared, Encoding, read
from ovpo.telemetry.collector.refusal import RefusedError

JSON = ("content-type", "application/json")


def headers(*pairs: tuple[str, str]) -> Headers:
    return Headers(raw=[(name.lower().encode(), value.encode()) for name, value in pairs])


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON", "application/json; charset=UTF-8; x=y"])
def test_json_is_taken_however_it_is_spelled(kind: str) -> None:
    assert read(headers(("Content-Type", kind))) == Declared(Encoding.IDENTITY, None)


@pytest.mark.parametrize(("value", "expected"), [("gzip", Encoding.GZIP), (" ZSTD ", Encoding.ZSTD)])
def test_an_encoding_is_read(value: str, expected: Encoding) -> None:
    assert read(headers(JSON, ("Content-Encoding", value))).encoding is expected


def test_a_key_is_read_as_utf_8_up_to_128_bytes() -> None:
    assert read(headers(JSON, ("Idempotency-Key", "ü" * 64))).idempotency_key == "ü" * 64


@pytest.mark.parametrize(
    ("pairs", "code", "field"),
    [
        ([], Code.UNSUPPORTED_MEDIA_TYPE, "Content-Type"),
        ([JSON, JSON], Code.UNSUPPORTED_MEDIA_TYPE, "Content-Type"),
        ([("Content-Type", "text/json")], Code.UNSUPPORTED_MEDIA_TYPE, "Content-Type"),
        ([JSON, ("Content-Encoding", "deflate")], Code.UNSUPPORTED_MEDIA_TYPE, "Content-Encoding"),
        ([JSON, ("Content-Encoding", "gzip"), ("Content-Encoding", "gzip")], Code.UNSUPPORTED_MEDIA_TYPE,
         "Content-Encoding"),
        ([JSON, ("X-OVPO-Schema-Version", "0.8")], Code.SCHEMA_MISMATCH, "X-OVPO-Schema-Version"),
        ([JSON, ("Idempotency-Key", "ü" * 65)], Code.FIELD_TOO_LARGE, "Idempotency-Key"),
        ([JSON, ("Idempotency-Key", "")], Code.INVALID_FORMAT, "Idempotency-Key"),
        ([JSON, ("Idempotency-Key", "a"), ("Idempotency-Key", "b")], Code.INVALID_FORMAT, "Idempotency-Key"),
    ],
)  # fmt: skip
def test_a_wrong_header_is_named(pairs: list[tuple[str, str]], code: Code, field: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read(headers(*pairs))
    assert (refused.value.code, refused.value.field) == (code, field)


def test_a_key_that_is_no_utf_8_is_refused() -> None:
    raw = [(b"content-type", b"application/json"), (b"idempotency-key", b"\xff")]
    with pytest.raises(RefusedError, match="UTF-8"):
        read(Headers(raw=raw))
