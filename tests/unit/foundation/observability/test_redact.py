# SPDX-License-Identifier: Apache-2.0
"""What leaves a text or a structure when it is redacted, and what stays."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovpo.foundation.observability.redact import CUT, MARK, is_secret_name, redact, redact_text

SECRET = "Zq7hunter2Xw"
PREFIX = "abcd1234"
KEY = f"ovpo_sk_{PREFIX}_{SECRET}"
LEAKS = [
    f"Authorization: Bearer {SECRET}",
    f"authorization=b'Bearer {SECRET}'",
    f"Authorization: Basic {SECRET}==",
    f"authorization: {SECRET}",
    f'Proxy-Authorization: Digest username="u", response="{SECRET}"',
    f"called with bearer {SECRET}, twice",
    f"Cookie: a=b; session={SECRET}",
    f"the key {KEY} is new",
    f"Bearer ovpo_sk_{PREFIX}_!{SECRET}",
    f"ovpo_sk_{SECRET}",
    f"postgresql://ovpo:{SECRET}@db:5432/ovpo",
    f"redis://:{SECRET}@cache:6379/0",
    f"postgresql://ovpo:a/b?{SECRET}@db/ovpo",
    f"postgresql://ovpo:a@b{SECRET}@db/ovpo",
    f"nats://a:{SECRET}@one:4222,nats://b:{SECRET}@two:4222",
    f"https://bucket/x?X-Amz-Algorithm=y&X-Amz-Signature={SECRET}&a=1",
    f"https://bucket/x?X-Goog-Signature={SECRET}",
    f"https://bucket/x?X-Amz-Security-Token={SECRET}",
    f"https://bucket/x?sv=1&sig={SECRET}%2B",
    f"https://bucket/x?AWSAccessKeyId={SECRET}&Signature={SECRET}",
    f"https://api/x?token={SECRET}#top",
    f"host=db password={SECRET} user=ovpo",
    f"OVPO_POSTGRES__ADMIN_PASSWORD={SECRET}",
    f"password=b{SECRET}",
    f"{{'password': 'two words {SECRET}'}}",
    f'{{"clientSecret": "with \\" quote {SECRET}"}}',
    f'{{\\"api_key\\": \\"{SECRET}\\"}}',
    f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
    f"-----BEGIN PRIVATE KEY-----\n{SECRET}",
    f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ{SECRET}.{SECRET}",
]
HARMLESS = [
    "GET /v1/traces/{id} took 12.5 ms",
    "https://example.com:8080/path?page=2&email=a@b.example",
    "http://[::1]:8000/x@y",
    "s3://bucket/prefix/object.mp4",
    "prompt_tokens=512 token_count=7 key_prefix=abcd1234",
    f"key ovpo_sk_{PREFIX} was used",
    "idempotency_key: 4f",
    "2026-11-21T10:30:36.123926Z level=error line: 5",
]
SECRET_NAMES = [
    "password", "PGPASSWORD", "Authorization", "proxy-authorization", "Set-Cookie", "secret_access_key", "clientSecret",
    "x-api-key", "accessToken", "token", "x-auth-token", "X-Amz-Signature", "AWSAccessKeyId", "sig", "signing_key",
]  # fmt: skip
PLAIN_NAMES = [
    "key",
    "key_prefix",
    "prompt_tokens",
    "token_count",
    "prompt_hash",
    "design",
    "author",
    "passed",
    "route",
]
HOSTILE = [
    "a", "a.", "a-", "Aa", "_", "://", "://a:", "://a:b@", "://a:b/", "://a:b://@x", "password=", 'password="',
    'password="\\', "\\", "bearer ", "bearer  ", "eyJ", "eyJaaaaaaaa.", "ovpo_sk_", "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN ", "-----END PRIVATE KEY-----", "authorization: ", "authorization: basic ", "authorization: digest ",
    "cookie: ", 'cookie:"', "token   =   ", " ", "'", "@", "=", "\n", "sig=", "\N{LATIN SMALL LETTER E WITH ACUTE}",
]  # fmt: skip


@pytest.mark.parametrize("text", LEAKS)
def test_a_secret_leaves_a_text(text: str) -> None:
    assert SECRET not in redact_text(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_a_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize("text", LEAKS)
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact_text(text)
    assert redact_text(once) == once


def test_the_public_prefix_of_a_key_stays() -> None:
    assert redact_text(f"Authorization: Bearer {KEY}") == f"Authorization: Bearer ovpo_sk_{PREFIX}_{MARK}"
    assert redact({"authorization": f"Bearer {KEY}"}) == {"authorization": f"Bearer ovpo_sk_{PREFIX}_{MARK}"}


def test_what_surrounds_a_secret_stays() -> None:
    assert (
        redact_text("postgresql://ovpo:pw@db:5432/ovpo?sslmode=on") == "postgresql://ovpo:***@db:5432/ovpo?sslmode=on"
    )
    assert redact_text("password=b user=c") == "password=*** user=c"
    assert redact_text("https://b/x?X-Amz-Signature=abc&part=2") == "https://b/x?X-Amz-Signature=***&part=2"


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_field_with_a_secret_name_is_emptied_at_any_depth(name: str) -> None:
    assert is_secret_name(name)
    nested = redact({"outer": [({name: {"inner": SECRET}},), {"also": {name: SECRET}}]})
    assert SECRET not in json.dumps(nested)


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_a_field_with_a_plain_name_keeps_its_value(name: str) -> None:
    assert redact({name: "value"}) == {name: "value"}


def test_header_pairs_of_a_server_are_redacted() -> None:
    headers = [(b"host", b"example"), (b"x-api-key", SECRET.encode()), ("cookie", SECRET)]
    assert redact(headers) == [["host", "example"], ["x-api-key", MARK], ["cookie", MARK]]


def test_a_secret_in_a_field_name_or_in_bytes_or_in_an_object_is_redacted() -> None:
    value = {KEY: 1, "raw": f"token={SECRET}".encode(), "error": ValueError(f"password={SECRET}")}
    assert SECRET not in json.dumps(redact(value))


def test_numbers_flags_and_nothing_stay_what_they_are() -> None:
    assert redact({"count": 3, "share": 0.5, "ok": True, "none": None, "password_set": True}) == {
        "count": 3, "share": 0.5, "ok": True, "none": None, "password_set": True,
    }  # fmt: skip


def test_a_circular_structure_ends() -> None:
    circle: dict[str, Any] = {"name": "x"}
    circle["again"] = [circle, circle]
    assert CUT in json.dumps(redact(circle))


def test_a_structure_that_doubles_at_each_level_ends() -> None:
    doubled: list[Any] = ["x"]
    for _ in range(40):
        doubled = [doubled, doubled, "x"]
    assert CUT in json.dumps(redact(doubled))


def test_what_json_cannot_hold_becomes_text() -> None:
    plain = redact({"at": datetime(2026, 1, 2, tzinfo=UTC), "nan": float("nan"), "set": {1}, 5: "five"})
    assert plain == {"at": "2026-01-02 00:00:00+00:00", "nan": "nan", "set": [1], "5": "five"}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("tail", ["", "@"])
def test_a_hostile_megabyte_is_read_once(tail: str) -> None:
    for piece in HOSTILE:
        text = (piece * (1_000_000 // len(piece) + 1))[:1_000_000] + tail
        redact_text(text)
        is_secret_name(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


@given(JSON)
def test_whatever_comes_in_goes_out_as_strict_json(value: object) -> None:
    json.dumps(redact(value), allow_nan=False)


@given(st.text())
def test_any_text_redacts_to_one_that_stays(text: str) -> None:
    once = redact_text(text)
    assert redact_text(once) == once


WORDS = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12)
SECRETS = st.from_regex(r"[A-Za-z0-9_-]{16,60}", fullmatch=True).map(lambda text: f"S{text}9")


@given(SECRETS, st.lists(WORDS), st.lists(WORDS), st.sampled_from([" ", "\n", ", ", '"', "'", "(", "{'a': '"]))
def test_an_api_key_never_survives_wherever_it_stands(
    secret: str, before: list[str], after: list[str], gap: str
) -> None:
    said = " ".join(before) + gap + f"ovpo_sk_{PREFIX}_{secret}" + " " + " ".join(after)
    redacted = redact_text(said)
    assert secret not in redacted
    assert f"ovpo_sk_{PREFIX}_{MARK}" in redacted


PASSWORDS = st.text(
    st.characters(categories=("L", "N"), include_characters="!$%^&*()_+-=;:,.@/?"), min_size=6, max_size=30
)


@given(PASSWORDS.map(lambda text: f"q{text}q"), st.sampled_from(["postgresql", "nats", "redis", "https"]))
def test_a_password_in_an_address_never_survives(password: str, scheme: str) -> None:
    assert password not in redact_text(f"cannot reach {scheme}://user:{password}@host.example:99/name")


@given(st.sampled_from(SECRET_NAMES), JSON)
def test_no_value_of_a_secret_name_survives(name: str, value: object) -> None:
    kept = redact({name: [SECRET, value]})
    assert kept == {name: MARK}
