# SPDX-License-Identifier: Apache-2.0
"""Requests that are refused as a whole: keys, headers, bodies; each with the contract's code, and nothing queued."""

import gzip
import signal
import socket
import zlib
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx
import orjson
import psutil
import psycopg
import pytest
from backports import zstd

from ovpo.foundation.auth import Role
from ovpo.foundation.postgres.connect import conninfo
from ovpo.foundation.settings.tree import PostgresRole, Settings
from tests.integration.collector.batches import batch, span
from tests.integration.collector.conftest import Collector, Start, bearer, queued, until

Key = dict[str, str]
BODY_LIMIT = 5 * 1024 * 1024
RATE_HEADERS = {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"}


def refusal(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()["error"]
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["message"]
    return answer.status_code, body["code"]


def test_a_request_without_a_good_key_is_unauthorized_and_counted(collector: Collector, key: Key) -> None:
    name = 'ovpo_collector_auth_failures_total{code="UNAUTHORIZED"}'
    before = collector.metric(name)
    wrong = key["Authorization"][:-1] + ("a" if key["Authorization"][-1] != "a" else "b")
    for headers in ({}, {"Authorization": "Basic x"}, {"Authorization": wrong}):
        answer = collector.send(batch(span()), headers)
        assert refusal(answer) == (401, "UNAUTHORIZED")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert collector.metric(name) == before + 3


def test_a_key_that_is_revoked_is_refused_within_seconds(collector: Collector, settings: Settings) -> None:
    key = bearer(settings, "demo", Role.DEVELOPER)
    assert collector.send(batch(span()), key).status_code == 200
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        prefix = key["Authorization"].split("_")[2]
        connection.execute("UPDATE api_keys SET revoked_at = now() WHERE prefix = %s", (prefix,))
    until(lambda: collector.send(batch(span()), key).status_code == 401 or None, "a refusal")


def test_a_viewer_may_not_send(collector: Collector, settings: Settings) -> None:
    one = span()
    assert refusal(collector.send(batch(one), bearer(settings, "demo", Role.VIEWER))) == (403, "FORBIDDEN")
    assert queued(settings.broker, one["trace_id"]) == []
    assert collector.metric('ovpo_collector_auth_failures_total{code="FORBIDDEN"}') >= 1


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Content-Type", "text/plain", (415, "UNSUPPORTED_MEDIA_TYPE")),
        ("Content-Type", "application/json; charset=latin-1", (415, "UNSUPPORTED_MEDIA_TYPE")),
        ("Content-Type", "", (415, "UNSUPPORTED_MEDIA_TYPE")),
        ("Content-Encoding", "br", (415, "UNSUPPORTED_MEDIA_TYPE")),
        ("Content-Encoding", "gzip, gzip", (415, "UNSUPPORTED_MEDIA_TYPE")),
        ("X-OVPO-Schema-Version", "0.07", (400, "SCHEMA_MISMATCH")),
        ("X-OVPO-Schema-Version", "", (400, "SCHEMA_MISMATCH")),
        ("Idempotency-Key", "k" * 129, (400, "FIELD_TOO_LARGE")),
        ("Idempotency-Key", "", (400, "INVALID_FORMAT")),
    ],
)
def test_a_wrong_header_is_named(
    collector: Collector, settings: Settings, key: Key, name: str, value: str, expected: tuple[int, str]
) -> None:
    one = span()
    answer = httpx.post(
        f"{collector.url}/v1/ingest/batch",
        content=batch(one),
        headers={"Content-Type": "application/json", **key, name: value},
    )
    assert refusal(answer) == expected
    assert answer.json()["error"]["details"] == {"field": name}
    assert answer.headers.keys() >= RATE_HEADERS
    assert queued(settings.broker, one["trace_id"]) == []


def test_headers_that_say_what_the_contract_says_are_taken(collector: Collector, key: Key) -> None:
    headers = {"X-OVPO-Schema-Version": "0.08", "Content-Type": 'Application/JSON; charset="UTF-8"'}
    answer = httpx.post(f"{collector.url}/v1/ingest/batch", content=batch(span()), headers=key | headers)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "INVALID_FORMAT"),
        (b"{", "INVALID_FORMAT"),
        (b"[]", "INVALID_SCHEMA"),
        (b"[" * 100_000, "INVALID_SCHEMA"),
        (b'{"a":' * 2_000_000, "INVALID_SCHEMA"),
        (batch(), "INVALID_SCHEMA"),
        (batch(span(), batch_id="x"), "INVALID_UUID"),
        (batch(span(), schema_version="0.07"), "SCHEMA_MISMATCH"),
        (batch(span(), more=1), "INVALID_SCHEMA"),
        (batch(*[{}] * 5001), "TOO_MANY_ITEMS"),
        (batch(span(), idempotency_key="é" * 65), "FIELD_TOO_LARGE"),
    ],
    ids=range(11),
)
def test_a_malformed_envelope_is_refused_as_a_whole(
    collector: Collector, settings: Settings, key: Key, body: bytes, code: str
) -> None:
    counter = f'ovpo_collector_validation_failures_total{{code="{code}"}}'
    before = collector.metric(counter)
    answer = collector.send(body[:BODY_LIMIT], key)
    assert refusal(answer) == (400, code)
    assert answer.headers.keys() >= RATE_HEADERS
    assert collector.metric(counter) == before + 1


def miscounted() -> bytes:
    """A zstd frame whose checksum is wrong by one bit."""
    good = zstd.compress(batch(span()), options={zstd.CompressionParameter.checksum_flag: 1})
    return good[:-1] + bytes([good[-1] ^ 1])


def padded(size: int) -> bytes:
    """A valid batch of exactly so many bytes."""
    sent = batch(span())
    return sent[:-1] + b" " * (size - len(sent)) + sent[-1:]


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
def test_the_size_limit_counts_decoded_bytes_to_the_byte(collector: Collector, key: Key, encoding: str) -> None:
    known: dict[str, Callable[[bytes], bytes]] = {"identity": bytes, "gzip": gzip.compress, "zstd": zstd.compress}
    compress = known[encoding]
    assert collector.send(compress(padded(BODY_LIMIT)), key, Content_Encoding=encoding).status_code == 200
    answer = collector.send(compress(padded(BODY_LIMIT + 1)), key, Content_Encoding=encoding)
    assert refusal(answer) == (413, "PAYLOAD_TOO_LARGE")
    assert answer.headers.keys() >= RATE_HEADERS


def test_a_body_that_says_that_it_is_far_too_large_is_refused_before_it_comes(collector: Collector, key: Key) -> None:
    head = post_head(collector, key, "Content-Length: 1000000000")
    assert b" 413 " in exchange(collector, head).splitlines()[0]


def test_an_endless_body_is_cut_off_at_the_limit(collector: Collector, key: Key) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 200 * BODY_LIMIT:
            sent += 65536
            yield b" " * 65536

    headers = {"Content-Type": "application/json", **key}
    try:
        answer = httpx.post(f"{collector.url}/v1/ingest/batch", content=endless(), headers=headers)
        assert refusal(answer) == (413, "PAYLOAD_TOO_LARGE")
    except httpx.TransportError:
        """The server closed while we were still sending, as it may."""
    assert sent < 10 * BODY_LIMIT


def bombs() -> dict[str, tuple[str, bytes]]:
    """Bodies of one to four MiB that stand for 1 GiB."""
    gigabyte = (b"\0" * 1_048_576 for _ in range(1024))
    deflate = zlib.compressobj(9, wbits=31)
    gzipped = b"".join([*(deflate.compress(part) for part in gigabyte), deflate.flush()])
    frames = zstd.ZstdCompressor(level=19)
    zstandard = b"".join([*(frames.compress(b"\0" * 1_048_576) for _ in range(1024)), frames.flush()])
    many = gzip.compress(b"\0" * 1_048_576) * 1024
    return {"gzip": ("gzip", gzipped), "zstd": ("zstd", zstandard), "many members": ("gzip", many)}


def test_a_bomb_does_not_expand_in_memory(start: Start, key: Key) -> None:
    collector = start()
    collector.start()
    assert collector.running is not None
    collector.send(padded(BODY_LIMIT), key)
    process = psutil.Process(collector.running.pid)
    before = process.memory_info().rss
    for encoding, bomb in bombs().values():
        assert len(bomb) < BODY_LIMIT
        assert refusal(collector.send(bomb, key, Content_Encoding=encoding)) == (413, "PAYLOAD_TOO_LARGE")
    assert process.memory_info().rss - before < 40 * 1_048_576


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(batch(span()))[:-4]),
        ("gzip", gzip.compress(batch(span()))[:20]),
        ("gzip", b""),
        ("gzip", batch(span())),
        ("gzip", gzip.compress(batch(span())) + b"rest"),
        ("gzip", zlib.compress(batch(span()))),
        ("zstd", zstd.compress(batch(span()))[:-1]),
        ("zstd", b"\x28\xb5\x2f\xfd"),
        ("zstd", gzip.compress(batch(span()))),
        ("zstd", miscounted()),
    ],
    ids=range(10),
)
def test_a_damaged_compressed_body_is_refused(collector: Collector, key: Key, encoding: str, body: bytes) -> None:
    assert refusal(collector.send(body, key, Content_Encoding=encoding)) == (400, "INVALID_FORMAT")


def test_a_window_that_would_cost_more_memory_than_we_grant_is_refused(collector: Collector, key: Key) -> None:
    stream = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    body = stream.compress(batch(span())) + stream.flush()
    assert refusal(collector.send(body, key, Content_Encoding="zstd")) == (400, "INVALID_FORMAT")


def test_a_row_of_compressed_streams_is_one_body(collector: Collector, settings: Settings, key: Key) -> None:
    one = span()
    sent = batch(one)
    for encoding, compress in (("gzip", gzip.compress), ("zstd", zstd.compress)):
        body = b"".join(compress(part) for part in (sent[:50], sent[50:60], sent[60:]))
        assert collector.send(body, key, Content_Encoding=encoding).status_code == 200
    assert len(queued(settings.broker, one["trace_id"])) == 1


def test_a_body_that_trickles_is_given_up(start: Start, key: Key) -> None:
    collector = start(OVPO_COLLECTOR__BODY_TIMEOUT_SECONDS=0.5)
    collector.start()
    said = exchange(collector, post_head(collector, key, "Content-Length: 500") + b'{"schema', end=False)
    assert b" 408 " in said.splitlines()[0]
    assert b"x-ratelimit-limit" in said.lower()
    assert collector.send(batch(span()), key).status_code == 200


def test_a_body_shorter_than_it_said_is_not_taken(collector: Collector, settings: Settings, key: Key) -> None:
    one = span()
    sent = batch(one)
    said = exchange(collector, post_head(collector, key, f"Content-Length: {len(sent) + 1}") + sent)
    assert b" 200 " not in said
    assert queued(settings.broker, one["trace_id"]) == []


def test_a_body_longer_than_it_said_is_read_as_long_as_it_said(
    collector: Collector, settings: Settings, key: Key
) -> None:
    one = span()
    sent = batch(one)
    said = exchange(collector, post_head(collector, key, f"Content-Length: {len(sent) - 1}") + sent)
    assert b" 400 " in said.splitlines()[0]
    assert queued(settings.broker, one["trace_id"]) == []


@pytest.mark.parametrize(
    "length", ["Content-Length: -1", "Content-Length: many", "Content-Length: 5\r\nContent-Length: 6"]
)
def test_a_length_that_is_none_is_refused(collector: Collector, key: Key, length: str) -> None:
    assert b" 400 " in exchange(collector, post_head(collector, key, length) + b"{}").splitlines()[0]


def test_a_client_that_leaves_in_the_middle_of_its_body_leaves_the_collector_well(
    collector: Collector, key: Key
) -> None:
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", collector.port)) as client:
            client.sendall(post_head(collector, key, "Content-Length: 5000") + b'{"schema')
    assert collector.send(batch(span()), key).status_code == 200
    assert collector.lines("http.unexpected") == []


def test_another_method_and_another_path_are_not_found(collector: Collector, key: Key) -> None:
    assert httpx.get(f"{collector.url}/v1/ingest/batch", headers=key).status_code == 405
    assert httpx.post(f"{collector.url}/v1/ingest/batches", headers=key).status_code == 404


def test_a_collector_that_is_told_to_stop_ends_cleanly(start: Start, key: Key) -> None:
    collector = start()
    collector.start()
    assert collector.send(batch(span()), key).status_code == 200
    assert collector.running is not None
    collector.signal(signal.SIGTERM)
    assert collector.running.wait(30) == 0
    collector.running = None


def test_the_api_describes_itself(collector: Collector) -> None:
    described = orjson.loads(httpx.get(f"{collector.url}/openapi.json").content)
    operation = described["paths"]["/v1/ingest/batch"]["post"]
    assert operation["requestBody"]["required"]
    assert operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("BatchAnswer")
    assert operation["security"]


def post_head(collector: Collector, key: Key, length: str) -> bytes:
    host = urlsplit(collector.url).netloc
    lines = [
        "POST /v1/ingest/batch HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/json",
        f"Authorization: {key['Authorization']}",
        "Connection: close",
        length,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def exchange(collector: Collector, sent: bytes, *, end: bool = True) -> bytes:
    """Send bytes, say that no more come unless more might, read until the server closes."""
    with socket.create_connection(("127.0.0.1", collector.port), timeout=20) as client:
        client.sendall(sent)
        if end:
            client.shutdown(socket.SHUT_WR)
        said = b""
        while part := client.recv(65536):
            said += part
    return said or b"nothing"
