# SPDX-License-Identifier: Apache-2.0
"""`GET /v1/audit/records`: the caller's tenant's chain, for its administrators. Looking at it is recorded in it."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from psycopg_pool import ConnectionPool
from pydantic import BaseModel, ConfigDict, Field

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import Identify, require, utc_now
from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.http.fields import Moment
from ovpo.foundation.permissions import Permission
from ovpo.foundation.postgres.connect import tenant_transaction
from ovpo.governance.audit import chain, cursor, reading
from ovpo.governance.audit.errors import AuditError
from ovpo.governance.audit.events import EventType
from ovpo.governance.audit.http import actor
from ovpo.governance.audit.reading import Filter
from ovpo.governance.audit.record import Record, instant

PATH: Final = "/v1/audit"
_HASH: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class AuditRecord(BaseModel):
    """One record of the chain, all of it: its hash can be computed from its other fields."""

    audit_id: UUID = Field(examples=["5b6e7f58-8e0a-4b61-9d7a-0c1f1b9a2d11"])
    seq: int = Field(description="Its number in your tenant's chain: from 1, without gaps", examples=[4711])
    event_type: str = Field(description="What happened", examples=["TRACE_ACCESS"])
    actor_id: str = Field(description="Who did it: `key:<prefix>`, `console` or `run:<id>`", examples=["key:k3v9x2ab"])
    actor_ip: str | None = Field(description="From where", examples=["203.0.113.7"])
    tenant_id: str = Field(examples=["acme-video"])
    resource_type: str = Field(description="To what kind of thing", examples=["trace"])
    resource_id: str = Field(description="To which one", examples=["0b7c1f0e-6f0e-4d0c-9a57-7a2f6a1f3c55"])
    timestamp: datetime = Field(description="When, never before the record before it")
    metadata: dict[str, Any] = Field(description="What belongs to it", examples=[{"request_id": "f3a1"}])
    previous_hash: str = Field(description="Hash of the record before it; 64 zeros for the first", examples=["0" * 64])
    record_hash: str = Field(description="SHA-256 of its other fields as canonical JSON", examples=[_HASH])


class AuditPage(BaseModel):
    """Some records, the newest first."""

    records: list[AuditRecord]
    next_cursor: str | None = Field(
        description="Where the next page begins; none after the last", examples=["eyJsYXN0X3NlcSI6NDcxMS…"]
    )


class Asked(BaseModel):
    """Which records are asked for."""

    model_config = ConfigDict(extra="forbid")

    event_type: EventType | None = Field(None, description="Only events of this kind")
    actor: str | None = Field(None, min_length=1, max_length=256, description="Only what this actor did")
    resource_type: str | None = Field(
        None, min_length=1, max_length=64, description="Only what was done to this kind of thing"
    )
    resource_id: str | None = Field(None, min_length=1, max_length=1024, description="Only what was done to this thing")
    since: Moment | None = Field(None, alias="from", description="From this moment or day on")
    before: Moment | None = Field(None, alias="to", description="Before this moment or day")
    limit: int = Field(100, ge=1, le=1000, description="How many at most")
    cursor: str | None = Field(
        None, max_length=cursor.LONGEST, description="`next_cursor` of the page before; good for 24 hours"
    )

    @property
    def filter(self) -> Filter:
        """Give what is asked for, as it is looked for."""
        kind = self.event_type.value if self.event_type else None
        return Filter(kind, self.actor, self.resource_type, self.resource_id, self.since, self.before)

    @property
    def said(self) -> dict[str, Any]:
        """Give what is put on record of the question."""
        given = self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"since", "before", "cursor"})
        moments = {"from": self.since, "to": self.before}
        return {**given, **{name: instant(moment) for name, moment in moments.items() if moment}}


def router(pool: ConnectionPool, identify: Identify, *, now: Callable[[], datetime] = utc_now) -> APIRouter:
    """Make the route."""
    routes = APIRouter(prefix=PATH, tags=["audit"])
    Reader = Annotated[Principal, Depends(require(Permission.AUDIT_READ, identify))]  # noqa: N806

    @routes.get("/records")
    def list_audit_records(request: Request, caller: Reader, asked: Annotated[Asked, Query()]) -> AuditPage:
        """List what was done in your tenant and by whom, the newest first."""
        moment = now()
        below = _below(asked.cursor, caller.tenant_id, moment)
        with tenant_transaction(pool, caller.tenant_id) as connection:
            found = reading.page(connection, caller.tenant_id, asked.filter, asked.limit + 1, below)
            shown = found[: asked.limit]
            looked = actor(request, caller).entry(
                EventType.AUDIT_READ, "audit_log", "records", asked=asked.said, records=len(shown)
            )
            chain.append(connection, caller.tenant_id, [looked])
        more = cursor.write(shown[-1].seq, caller.tenant_id, moment) if len(found) > len(shown) else None
        return AuditPage(records=[_answer(record) for record in shown], next_cursor=more)

    return routes


def _below(text: str | None, tenant_id: str, now: datetime) -> int | None:
    try:
        return cursor.read(text, tenant_id, now)
    except AuditError as error:
        raise ApiError(Code.INVALID_FORMAT, f"query.cursor: {error}", details={"field": "cursor"}) from None


def _answer(record: Record) -> AuditRecord:
    plain = {name: getattr(record, name) for name in Record.__slots__}
    return AuditRecord(**{**plain, "metadata": json.loads(record.metadata)})
