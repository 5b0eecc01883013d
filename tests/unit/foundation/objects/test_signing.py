# SPDX-License-Identifier: Apache-2.0
"""A link is good for exactly what was signed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ovpo.foundation.objects.signing import is_valid, link, signature_of

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
EXPIRES = int((NOW + timedelta(minutes=1)).timestamp())
SECRET = b"secret"


def test_a_signature_does_not_change_between_versions() -> None:
    expected = "f305f8d5"
    assert signature_of(SECRET, "a/b", 1_800_000_000, "GET")[:8] == expected


def test_a_link_is_good_until_it_expires() -> None:
    signature = signature_of(SECRET, "a/b", EXPIRES, "GET")
    assert is_valid(SECRET, "a/b", EXPIRES, signature, NOW)
    assert is_valid(SECRET, "a/b", EXPIRES, signature, NOW + timedelta(seconds=59))
    assert not is_valid(SECRET, "a/b", EXPIRES, signature, NOW + timedelta(seconds=60))


@pytest.mark.parametrize(
    ("secret", "key", "expires", "method"),
    [
        (b"other", "a/b", EXPIRES, "GET"),
        (SECRET, "a/c", EXPIRES, "GET"),
        (SECRET, "a/b", EXPIRES + 1, "GET"),
        (SECRET, "a/b", EXPIRES, "PUT"),
        (b"", "a/b", EXPIRES, "GET"),
        (SECRET, "../b", EXPIRES, "GET"),
    ],
)
def test_a_link_is_good_for_nothing_else(secret: bytes, key: str, expires: int, method: str) -> None:
    signature = signature_of(SECRET, "a/b", EXPIRES, "GET")
    assert not is_valid(secret, key, expires, signature, NOW, method)


@given(some.text())
def test_any_other_signature_is_refused_and_nothing_breaks(signature: str) -> None:
    assert not is_valid(SECRET, "a/b", EXPIRES, signature, NOW)


def test_a_link_escapes_what_a_query_could_take_for_its_own() -> None:
    written = link("https://x.example/", SECRET, "a b/c?expires=9#.pdf", NOW)
    assert written.startswith("https://x.example/v1/objects/a%20b/c%3Fexpires%3D9%23.pdf?expires=")
