# SPDX-License-Identifier: Apache-2.0
"""Who a caller is and what it may do: roles, principals, and the decision whether a key is good.

Keys as text are the business of `keys`, where they are kept that of a `KeyStore`, HTTP that of `http.access`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import total_ordering
from typing import Final, Protocol

from ovpo.foundation import keys
from ovpo.foundation.keys import MalformedKey, PresentedKey


@total_ordering
class Role(Enum):
    """What a key may do; each role may do all that those before it may."""

    VIEWER = "viewer"
    DEVELOPER = "developer"
    ADMIN = "admin"
    SUPER_ADMIN = "super_admin"

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Role):
            return NotImplemented
        order = list(Role)
        return order.index(self) < order.index(other)


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose key was good."""

    tenant_id: str
    role: Role
    key_prefix: str


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What is kept of a key."""

    prefix: str
    digest: bytes = field(repr=False)
    tenant_id: str
    role: Role
    expires_at: datetime | None
    revoked_at: datetime | None
    tenant_closed_at: datetime | None = None


class Refusal(Enum):
    """Why a caller was refused: for log and audit, not for the caller."""

    MISSING = "missing"
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    WRONG_SECRET = "wrong_secret"  # noqa: S105 - the name of a reason
    EXPIRED = "expired"
    REVOKED = "revoked"
    TENANT_CLOSED = "tenant_closed"


@dataclass(frozen=True, slots=True)
class AuthError:
    """A refusal, the prefix it is about where there was one, and what the caller is told."""

    refusal: Refusal
    key_prefix: str | None = None

    @property
    def message(self) -> str:
        """Say what the caller may know: not which of unknown, wrong, revoked or a closed tenant's a key is."""
        return _MESSAGES.get(self.refusal, _NOT_VALID)


class KeyStoreError(Exception):
    """The store of keys could not be asked."""


class KeyStore(Protocol):
    """Where keys are kept."""

    async def find(self, prefix: str) -> StoredKey | None:
        """Give the key of this prefix, None if there is none; raise KeyStoreError if that cannot be told now."""
        ...


_SENT_AS: Final = "Authorization: Bearer ovpo_sk_<prefix>_<secret>"
_NOT_VALID: Final = "This API key is not valid; ask an administrator of your tenant for another"
_MESSAGES: Final = {
    Refusal.MISSING: f"This path needs an API key; send the header {_SENT_AS}",
    Refusal.MALFORMED: f"The Authorization header holds no API key; it must read {_SENT_AS}",
    Refusal.EXPIRED: "This API key has expired; ask an administrator of your tenant for another",
}


async def authenticate(header: str | None, store: KeyStore, now: datetime) -> Principal | AuthError:
    """Find out who sent this Authorization header."""
    presented = keys.parse(header)
    if isinstance(presented, MalformedKey):
        return AuthError(Refusal.MISSING if presented.missing else Refusal.MALFORMED)
    return decide(presented, await store.find(presented.prefix), now)


def decide(presented: PresentedKey, stored: StoredKey | None, now: datetime) -> Principal | AuthError:
    """Judge a key against what is kept of it; its state matters only to one who knows its secret. Pure."""
    good = keys.matches(presented, stored.digest if stored else None)
    if stored is None:
        return AuthError(Refusal.UNKNOWN, presented.prefix)
    if not good:
        return AuthError(Refusal.WRONG_SECRET, presented.prefix)
    if stored.revoked_at is not None:
        return AuthError(Refusal.REVOKED, presented.prefix)
    if stored.tenant_closed_at is not None:
        return AuthError(Refusal.TENANT_CLOSED, presented.prefix)
    if stored.expires_at is not None and stored.expires_at <= now:
        return AuthError(Refusal.EXPIRED, presented.prefix)
    return Principal(stored.tenant_id, stored.role, stored.prefix)
