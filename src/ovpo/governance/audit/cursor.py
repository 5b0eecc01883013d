# SPDX-License-Identifier: Apache-2.0
"""Where a list of records goes on: below a number of a tenant's chain, as text that a client hands back. Pure.

Records never move, so that a number means the same under any filter; and whose records are shown the key alone decides.
"""

from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta, Struct

from ovpo.foundation.http.cursors import CursorError, check_age, parsed, spelled
from ovpo.governance.audit.errors import AuditError

LONGEST: Final = 512


class _Text(Struct, frozen=True, forbid_unknown_fields=True):
    last_seq: Annotated[int, Meta(ge=1, le=2**62)]
    tenant: Annotated[str, Meta(max_length=128)]
    issued_at: Annotated[datetime, Meta(tz=True)]


def write(last_seq: int, tenant_id: str, now: datetime) -> str:
    """Make the cursor behind the last record that was shown."""
    return spelled(_Text(last_seq, tenant_id, now))


def read(cursor: str | None, tenant_id: str, now: datetime) -> int | None:
    """Give the number that a cursor stands behind; none for none."""
    if cursor is None:
        return None
    try:
        return _read(cursor, tenant_id, now)
    except CursorError as error:
        raise AuditError(str(error)) from None


def _read(cursor: str, tenant_id: str, now: datetime) -> int:
    text = parsed(cursor, _Text)
    if text.tenant != tenant_id:
        raise CursorError("belongs to another tenant; begin without a cursor")
    check_age(text.issued_at, now)
    return text.last_seq
