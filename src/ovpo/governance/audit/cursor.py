# SPDX-License-Identifier: Apache-2.0
"""Where a list of records goes on: below a number of a tenant's chain, as text that a client hands back. Pure.

Records never move, so that a number means the same under any filter; and whose records are shown the key alone decides.
"""

import binascii
from base64 import b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from ovpo.governance.audit.errors import AuditError

LONGEST: Final = 512
LIFE: Final = timedelta(hours=24)
_AHEAD: Final = timedelta(minutes=5)
"""How far the clock of the process that made a cursor may be ahead of that of the one that reads it."""


class _Text(Struct, frozen=True, forbid_unknown_fields=True):
    last_seq: Annotated[int, Meta(ge=1, le=2**62)]
    tenant: Annotated[str, Meta(max_length=128)]
    issued_at: Annotated[datetime, Meta(tz=True)]


def write(last_seq: int, tenant_id: str, now: datetime) -> str:
    """Make the cursor behind the last record that was shown."""
    return urlsafe_b64encode(msgspec.json.encode(_Text(last_seq, tenant_id, now))).decode().rstrip("=")


def read(cursor: str | None, tenant_id: str, now: datetime) -> int | None:
    """Give the number that a cursor stands behind; none for none."""
    if cursor is None:
        return None
    try:
        raw = b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        text = msgspec.json.decode(raw, type=_Text)
        is_young = now - LIFE <= text.issued_at <= now + _AHEAD
    except (binascii.Error, ValueError, OverflowError, msgspec.MsgspecError):
        raise AuditError("is none that this API gave; take `next_cursor` of the page before, unchanged") from None
    if text.tenant != tenant_id:
        raise AuditError("belongs to another tenant; begin without a cursor")
    if not is_young:
        raise AuditError("is older than 24 hours; begin without a cursor")
    return text.last_seq
