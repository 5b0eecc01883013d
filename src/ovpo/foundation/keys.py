# SPDX-License-Identifier: Apache-2.0
"""API keys as text: how one is made, read from a header, and compared. Pure; who may do what is the business of `auth`.

A key is `ovpo_sk_<8-character public prefix>_<secret>`. The prefix may be shown and logged; of the whole key only its
SHA-256 is kept, which suffices because the secret is 256 random bits and not something a person chose.
"""

import hashlib
import hmac
import re
from base64 import b32encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

PREFIX_LENGTH: Final = 8
_PREFIX_BYTES: Final = 5
_SECRET_BYTES: Final = 32
_HEADER: Final = re.compile(r"(?i:bearer) +(ovpo_sk_([A-Za-z0-9]{8})_[A-Za-z0-9_-]{16,256})")
_NOBODY: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A new key: `text` is shown to its owner once and never kept, `prefix` and `digest` are what is kept."""

    text: str = field(repr=False)
    prefix: str
    digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """A key as a client sent it."""

    text: str = field(repr=False)
    prefix: str


@dataclass(frozen=True, slots=True)
class MalformedKey:
    """A header that holds no key; `missing` when there was no header at all."""

    missing: bool


def mint(random_bytes: Callable[[int], bytes]) -> MintedKey:
    """Make a key from a source of randomness, such as `secrets.token_bytes`."""
    prefix, secret = (_letters(random_bytes(size)) for size in (_PREFIX_BYTES, _SECRET_BYTES))
    text = f"ovpo_sk_{prefix}_{secret}"
    return MintedKey(text, prefix, digest(text))


def parse(authorization: str | None) -> PresentedKey | MalformedKey:
    """Read the key out of an Authorization header."""
    if not authorization:
        return MalformedKey(missing=True)
    found = _HEADER.fullmatch(authorization)
    return PresentedKey(found[1], found[2]) if found else MalformedKey(missing=False)


def digest(text: str) -> bytes:
    """Give what is kept of a key."""
    return hashlib.sha256(text.encode()).digest()


def matches(presented: PresentedKey, kept: bytes | None) -> bool:
    """Compare in constant time; without a kept digest, do the same work and say no."""
    same = hmac.compare_digest(digest(presented.text), _NOBODY if kept is None else kept)
    return same and kept is not None


def _letters(random: bytes) -> str:
    """Write bytes as lower-case letters and digits, which a double click selects as one word."""
    return b32encode(random).decode().rstrip("=").lower()
