# SPDX-License-Identifier: Apache-2.0
"""What every route of the SOP API stands on: the stores, the settings, who is let in, and the time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from fastapi import Request
from psycopg_pool import ConnectionPool

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import Identify
from ovpo.foundation.objects.copies import Copies
from ovpo.foundation.objects.store import ObjectStore
from ovpo.foundation.postgres.connect import tenant_transaction
from ovpo.foundation.settings.tree import Settings
from ovpo.governance.audit.chain import append
from ovpo.governance.audit.events import EventType
from ovpo.governance.audit.http import actor


@dataclass(frozen=True, slots=True)
class Desk:
    """Where requests are answered."""

    settings: Settings
    pool: ConnectionPool
    objects: ObjectStore
    copies: Copies
    identify: Identify
    now: Callable[[], datetime]

    @property
    def spool(self) -> Path:
        """The folder that uploads are written to before they are stored."""
        return self.settings.home / "sop-uploads"

    @contextmanager
    def of(self, caller: Principal) -> Iterator[psycopg.Connection]:
        """Lend a connection that sees the caller's rows, inside one transaction."""
        with tenant_transaction(self.pool, caller.tenant_id) as connection:
            yield connection


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be on the audit chain: what happened, and to what."""

    event: EventType
    resource: str
    identifier: str


def note(connection: psycopg.Connection, request: Request, caller: Principal, said: Note, **more: Any) -> None:
    """Write one entry to the end of the tenant's chain; it is there when the caller's transaction commits."""
    entry = actor(request, caller).entry(said.event, said.resource, said.identifier, **more)
    append(connection, caller.tenant_id, [entry])


def asked_by(caller: Principal) -> str:
    """Name a caller in what it asks for."""
    return f"key:{caller.key_prefix}"


def uuid_or_none(text: str | None) -> UUID | None:
    """Read an id that may be absent."""
    return None if text is None else UUID(text)
