# SPDX-License-Identifier: Apache-2.0
"""How a key is made, read from a header and compared."""

import hashlib
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovpo.foundation.keys import MalformedKey, PresentedKey, matches, mint, parse

KEY = mint(lambda size: bytes(range(size)))


def test_a_minted_key_has_the_form_of_the_contract() -> None:
    marker, kind, prefix, secret = mint(secrets.token_bytes).text.split("_")
    assert (marker, kind, len(prefix), len(secret)) == ("ovpo", "sk", 8, 52)


def test_only_the_hash_of_the_whole_key_is_kept() -> None:
    assert KEY.digest == hashlib.sha256(KEY.text.encode()).digest()
    assert KEY.text.startswith(f"ovpo_sk_{KEY.prefix}_")


def test_the_same_randomness_gives_the_same_key_and_another_another() -> None:
    assert mint(lambda size: bytes(range(size))) == KEY
    assert mint(secrets.token_bytes).text != mint(secrets.token_bytes).text


def test_a_key_is_never_in_a_repr() -> None:
    assert KEY.text not in repr(KEY)
    assert KEY.text not in repr(parse(f"Bearer {KEY.text}"))


@given(st.binary(min_size=37, max_size=37))
def test_whatever_is_minted_is_read_back(random: bytes) -> None:
    key = mint(lambda size: random[:size])
    assert parse(f"Bearer {key.text}") == PresentedKey(key.text, key.prefix)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(scheme: str) -> None:
    assert parse(f"{scheme} {KEY.text}") == PresentedKey(KEY.text, KEY.prefix)


@pytest.mark.parametrize("header", [None, ""])
def test_no_header_is_a_missing_key(header: str | None) -> None:
    assert parse(header) == MalformedKey(missing=True)


@pytest.mark.parametrize(
    "header",
    [
        KEY.text,
        "Bearer",
        "Bearer ",
        f"Basic {KEY.text}",
        f"Bearer  \t{KEY.text}",
        f"Bearer {KEY.text} ",
        f"Bearer {KEY.text}\n",
        f"Bearer {KEY.text},{KEY.text}",
        "Bearer ovpo_sk_short_aaaaaaaaaaaaaaaaaaaa",
        "Bearer ovpo_sk_abcd1234_tiny",
        "Bearer ovpo_pk_abcd1234_aaaaaaaaaaaaaaaaaaaa",
        "Bearer ovpo_sk_abcd123\N{LATIN SMALL LETTER E WITH ACUTE}_aaaaaaaaaaaaaaaaaaaa",
        "Bearer ovpo_sk_abcd1234_" + "a" * 10_000,
    ],
)
def test_a_header_of_another_form_is_malformed(header: str) -> None:
    assert parse(header) == MalformedKey(missing=False)


@given(st.text())
def test_any_text_is_a_key_or_malformed_and_never_a_crash(header: str) -> None:
    assert isinstance(parse(header), (MalformedKey, PresentedKey))


def test_a_key_matches_its_own_hash_alone() -> None:
    presented = PresentedKey(KEY.text, KEY.prefix)
    assert matches(presented, KEY.digest)
    assert not matches(presented, mint(secrets.token_bytes).digest)
    assert not matches(presented, None)
    assert not matches(presented, b"")
