# SPDX-License-Identifier: Apache-2.0
"""What changes now: the processor tells of each trace that it settled, and those who look on follow.

The log is a convenience and no store: it keeps the newest changes of a tenant for an hour, and while Valkey is away
nothing is told. Who follows it reads the list of traces again when told that something is missing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

import msgspec
from msgspec import Struct

from ovpo.foundation.shortcut import Question, Shortcut

MOST: Final = 2_000
LIFE: Final = timedelta(hours=1)


class Change(Struct, frozen=True):
    """A trace after its settling, as the list shows it."""

    trace_id: str
    status: str | None
    model: str | None
    created_at: datetime | None
    total_ms: float | None
    spans: int
    frames: int
    violations: int
    compute_units: float
    settled_at: datetime


def log_of(tenant_id: str) -> str:
    """Name the log of a tenant's changes."""
    return f"live:{tenant_id}"


async def tell(shortcut: Shortcut, changes: Sequence[tuple[str, Change]]) -> None:
    """Tell the changes of several tenants."""
    by_tenant = sorted(changes, key=lambda one: one[0])
    for tenant_id, some in groupby(by_tenant, key=lambda one: one[0]):
        lines = [msgspec.json.encode(change) for _, change in some]
        await shortcut.append(Question.LIVE, log_of(tenant_id), lines, MOST, LIFE)
