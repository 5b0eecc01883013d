# SPDX-License-Identifier: Apache-2.0
"""Links to objects of the folder store that prove themselves: key, expiry and an HMAC over both. Pure."""

import hmac
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from urllib.parse import quote

from ovpo.foundation.objects.errors import ObjectStoreError
from ovpo.foundation.objects.keys import checked_key

LONGEST_LIFE: Final = timedelta(days=7)
PATH: Final = "/v1/objects/"


def checked_life(life: timedelta) -> timedelta:
    """Return how long a link lives, or say what is wrong with it; the limit is that of the clouds."""
    if not timedelta(seconds=1) <= life <= LONGEST_LIFE:
        raise ObjectStoreError(f"a link lives {life}; takes 1 second to {LONGEST_LIFE.days} days")
    return life


def link(public_url: str, secret: bytes, key: str, expires: datetime, method: str = "GET", path: str = PATH) -> str:
    """Write the link that the query API serves under its public address."""
    moment = int(expires.timestamp())
    signature = signature_of(secret, key, moment, method)
    return f"{public_url.rstrip('/')}{path}{quote(key, safe='/')}?expires={moment}&signature={signature}"


def secret_for(secret: bytes, path: str) -> bytes:
    """Derive the secret of a path other than that of the own objects: a link to one opens nothing of the other."""
    return hmac.new(secret, path.encode(), sha256).digest() if secret else b""


def signature_of(secret: bytes, key: str, expires: int, method: str) -> str:
    """Sign what the link allows: this method, on this key, until this moment."""
    if not secret:
        raise ObjectStoreError("OVPO_OBJECTS__SIGNING_KEY is empty, so no link can be signed; set it")
    return hmac.new(secret, f"{method}\n{expires}\n{checked_key(key)}".encode(), sha256).hexdigest()


def is_valid(secret: bytes, key: str, expires: int, signature: str, now: datetime, method: str = "GET") -> bool:
    """Tell whether a link was signed with this secret and has not expired; takes the same time for any signature."""
    try:
        expected = signature_of(secret, key, expires, method)
    except ObjectStoreError:
        return False
    genuine = hmac.compare_digest(expected.encode(), signature.encode(errors="replace"))
    return genuine and now.astimezone(UTC).timestamp() < expires
