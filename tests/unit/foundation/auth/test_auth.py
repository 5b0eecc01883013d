# SPDX-License-Identifier: Apache-2.0
"""Whose key is good, and what each is told whose is not."""

import asyncio
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovpo.foundation.auth import AuthError, Principal, Refusal, Role, StoredKey, authenticate
from ovpo.foundation.keys import mint

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY = mint(lambda size: bytes(range(size)))
OTHER_SECRET = KEY.text[:-1] + ("a" if KEY.text[-1] != "a" else "b")
STORED = StoredKey(KEY.prefix, KEY.digest, "demo", Role.DEVELOPER, expires_at=None, revoked_at=None)


class Kept:
    """A store in memory."""

    def __init__(self, *stored: StoredKey) -> None:
        self.by_prefix = {key.prefix: key for key in stored}

    async def find(self, prefix: str) -> StoredKey | None:
        return self.by_prefix.get(prefix)


def ask(header: str | None, *stored: StoredKey) -> Principal | AuthError:
    return asyncio.run(authenticate(header, Kept(*stored), NOW))


def refused(header: str | None, *stored: StoredKey) -> AuthError:
    found = ask(header, *stored)
    assert isinstance(found, AuthError)
    return found


def test_a_good_key_tells_tenant_role_and_prefix() -> None:
    assert ask(f"Bearer {KEY.text}", STORED) == Principal("demo", Role.DEVELOPER, KEY.prefix)


def test_a_key_is_good_until_the_moment_it_expires() -> None:
    assert isinstance(ask(f"Bearer {KEY.text}", replace(STORED, expires_at=NOW + timedelta(seconds=1))), Principal)
    assert refused(f"Bearer {KEY.text}", replace(STORED, expires_at=NOW)).refusal is Refusal.EXPIRED


@pytest.mark.parametrize(
    ("header", "stored", "refusal"),
    [
        (None, [STORED], Refusal.MISSING),
        ("Basic abc", [STORED], Refusal.MALFORMED),
        (f"Bearer {KEY.text}", [], Refusal.UNKNOWN),
        (f"Bearer {OTHER_SECRET}", [STORED], Refusal.WRONG_SECRET),
        (f"Bearer {KEY.text}", [replace(STORED, revoked_at=NOW)], Refusal.REVOKED),
        (f"Bearer {KEY.text}", [replace(STORED, revoked_at=NOW, expires_at=NOW)], Refusal.REVOKED),
        (f"Bearer {KEY.text}", [replace(STORED, tenant_closed_at=NOW)], Refusal.TENANT_CLOSED),
        (f"Bearer {KEY.text}", [replace(STORED, tenant_closed_at=NOW, expires_at=NOW)], Refusal.TENANT_CLOSED),
        (f"Bearer {OTHER_SECRET}", [replace(STORED, tenant_closed_at=NOW)], Refusal.WRONG_SECRET),
    ],
)
def test_a_key_that_is_not_good_is_refused_for_its_reason(
    header: str | None, stored: list[StoredKey], refusal: Refusal
) -> None:
    assert refused(header, *stored).refusal is refusal


def test_a_caller_cannot_tell_unknown_wrong_revoked_and_a_closed_tenant_apart() -> None:
    told = {
        refused(f"Bearer {KEY.text}").message,
        refused(f"Bearer {OTHER_SECRET}", STORED).message,
        refused(f"Bearer {KEY.text}", replace(STORED, revoked_at=NOW)).message,
        refused(f"Bearer {KEY.text}", replace(STORED, tenant_closed_at=NOW)).message,
    }
    assert len(told) == 1


def test_only_one_who_knows_the_secret_learns_that_a_key_expired() -> None:
    expired = replace(STORED, expires_at=NOW)
    assert "expired" in refused(f"Bearer {KEY.text}", expired).message
    assert refused(f"Bearer {OTHER_SECRET}", expired).refusal is Refusal.WRONG_SECRET


@pytest.mark.parametrize("stored", [[], [STORED]])
def test_the_hash_is_compared_whether_or_not_the_prefix_is_known(
    stored: list[StoredKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[int] = []
    real = hmac.compare_digest

    def counting(one: bytes, two: bytes) -> bool:
        compared.append(len(one))
        assert len(one) == len(two)
        return real(one, two)

    monkeypatch.setattr(hmac, "compare_digest", counting)
    refused(f"Bearer {OTHER_SECRET}", *stored)
    assert compared == [32]


def test_a_missing_digest_never_lets_anyone_in() -> None:
    nobody = replace(STORED, digest=bytes(32))
    assert refused(f"Bearer {KEY.text}", nobody).refusal is Refusal.WRONG_SECRET


@given(st.text())
def test_no_invented_header_is_let_in(header: str) -> None:
    assert isinstance(ask(header, STORED), AuthError)


def test_roles_rise_from_viewer_to_super_admin() -> None:
    assert all(
        lower < higher for lower, higher in pairwise([Role.VIEWER, Role.DEVELOPER, Role.ADMIN, Role.SUPER_ADMIN])
    )
    assert Role.ADMIN >= Role.ADMIN
    assert Role("super_admin") is max(Role)


def test_a_role_cannot_be_compared_with_a_name() -> None:
    with pytest.raises(TypeError):
        _ = Role.ADMIN < "viewer"


def test_nothing_about_a_stored_key_shows_its_digest() -> None:
    assert KEY.digest.hex() not in repr(STORED)
    assert repr(KEY.digest) not in repr(STORED)
