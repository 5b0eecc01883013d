# SPDX-License-Identifier: Apache-2.0
"""`/v1/keys`: the API keys of the caller's own tenant. What is done is `api_keys`'; a key's text is shown here only."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from psycopg_pool import ConnectionPool
from pydantic import BaseModel, ConfigDict, Field

from ovpo.foundation.auth import Principal, Role
from ovpo.foundation.http.access import Identify, require, utc_now
from ovpo.foundation.http.fields import Moment
from ovpo.foundation.permissions import Permission
from ovpo.governance.access import api_keys
from ovpo.governance.access.api_keys import ApiKey, Maker, NewKey, State, Wanted
from ovpo.governance.access.cursor import Place, cursor_of, place_of
from ovpo.governance.access.fields import Cursor, Limit, Prefix, Text
from ovpo.governance.access.refusals import governing
from ovpo.governance.audit.http import actor

PATH: Final = "/v1/keys"
DAY: Final = 86_400
MOST_OVERLAP: Final = 30 * DAY


class KeyWanted(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid")
    role: Role = Field(description="What it may do; not above that of the key you call with")
    label: Text = Field(description="What it is for, for people", examples=["render farm"])
    expires_at: Moment | None = Field(None, description="When it stops, within ten years; none: never")

    def asked(self) -> Wanted:
        """Give what is asked for."""
        return Wanted(self.role, self.label, self.expires_at)


class RotationWanted(BaseModel):
    """How a key is to be replaced."""

    model_config = ConfigDict(extra="forbid")
    overlap_seconds: Annotated[int, Field(strict=True, ge=0, le=MOST_OVERLAP)] = Field(
        DAY, description="How long the old key goes on beside the new one; 0: not at all"
    )


class KeyAnswer(BaseModel):
    """What is known of a key; never its text or digest."""

    prefix: str = Field(description="Its public part", examples=["k3v9x2ab"])
    tenant_id: str = Field(examples=["acme-video"])
    role: Role
    label: str = Field(examples=["render farm"])
    state: State
    created_at: datetime
    created_by: str | None = Field(description="The key that made it, or `console`", examples=["key:a2b3c4d5"])
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="When it was last used, give or take two minutes")
    revoked_at: datetime | None
    rotated_from: str | None = Field(description="The key that it replaces", examples=["m2n4p6q8"])
    replaced_by: str | None = Field(description="The key that replaces it", examples=["w3x5y7z9"])


class CreatedKey(KeyAnswer):
    """A key that was just made, with its text."""

    key: str = Field(
        description="The key itself. It is shown this once and kept only as a digest: put it away now",
        examples=["ovpo_sk_k3v9x2ab_<secret>"],
    )


class RotatedKey(CreatedKey):
    """A key that was just made in another's place."""

    replaced: KeyAnswer = Field(description="The key that it replaces; `expires_at` says how long that one goes on")


class RevokedKey(KeyAnswer):
    """A key that is good for nothing any more."""

    is_calling_key: bool = Field(description="It is the key that you call with: your next request is refused")


class KeyPage(BaseModel):
    """Some keys, the newest first."""

    keys: list[KeyAnswer]
    next_cursor: str | None = Field(
        description="Where the next page begins; none after the last", examples=["eyJsYXN0X3RpbWVzdGFtcCI6…"]
    )


def router(
    pool: ConnectionPool,
    identify: Identify,
    *,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    now: Callable[[], datetime] = utc_now,
) -> APIRouter:
    """Make the routes; the pool is of a role that may make keys."""
    routes = APIRouter(prefix=PATH, tags=["access"])
    Admin = Annotated[Principal, Depends(require(Permission.ADMIN_KEYS, identify))]  # noqa: N806

    def maker(request: Request, caller: Admin) -> Maker:
        return Maker(actor(request, caller), caller.role, now(), random_bytes)

    Making = Annotated[Maker, Depends(maker)]  # noqa: N806

    @routes.post("", status_code=201, responses={409: {"description": "No free prefix was found; ask again"}})
    def create_key(wanted: KeyWanted, caller: Admin, by: Making, response: Response) -> CreatedKey:
        """Make a key of your tenant; its text is shown this once."""
        with governing(pool) as connection:
            made = api_keys.issue(connection, caller.tenant_id, wanted.asked(), by)
        return show_once(made, by.now, response)

    @routes.get("")
    def list_keys(caller: Admin, limit: Limit = 100, cursor: Cursor = None) -> KeyPage:
        """List the keys of your tenant, the newest first; those that expired or were revoked too."""
        moment, of = now(), f"keys of {caller.tenant_id}"
        with governing(pool) as connection:
            found = api_keys.listed(connection, caller.tenant_id, place_of(cursor, of, moment), limit + 1)
        shown, rest = found[:limit], found[limit:]
        more = cursor_of(Place(shown[-1].created_at, shown[-1].prefix), of, moment) if rest else None
        return KeyPage(keys=[KeyAnswer(**_said(key, moment)) for key in shown], next_cursor=more)

    @routes.get("/{prefix}")
    def get_key(prefix: Prefix, caller: Admin) -> KeyAnswer:
        """Tell about a key of your tenant."""
        with governing(pool) as connection:
            return KeyAnswer(**_said(api_keys.known(connection, caller.tenant_id, prefix), now()))

    @routes.post(
        "/{prefix}/rotate",
        status_code=201,
        responses={409: {"description": "The key was replaced already, has expired or is revoked"}},
    )
    def rotate_key(
        prefix: Prefix, caller: Admin, by: Making, response: Response, wanted: RotationWanted | None = None
    ) -> RotatedKey:
        """Replace a key by a new one of the same role, label and length of life; the old one goes on for a while."""
        overlap = timedelta(seconds=(wanted or RotationWanted()).overlap_seconds)
        with governing(pool) as connection:
            made, replaced = api_keys.rotate(connection, caller.tenant_id, prefix, overlap, by)
        shown = show_once(made, by.now, response)
        return RotatedKey(**shown.model_dump(), replaced=KeyAnswer(**_said(replaced, by.now)))

    @routes.delete("/{prefix}")
    def revoke_key(prefix: Prefix, caller: Admin, by: Making) -> RevokedKey:
        """End a key of your tenant for ever, the one that you call with too. Revoking it again changes nothing."""
        with governing(pool) as connection:
            revoked = api_keys.revoke(connection, caller.tenant_id, prefix, by)
        return RevokedKey(**_said(revoked, by.now), is_calling_key=prefix == caller.key_prefix)

    return routes


def show_once(made: NewKey, now: datetime, response: Response) -> CreatedKey:
    """Give the answer that shows a key's text, which nothing on its way may keep."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Location"] = f"{PATH}/{made.key.prefix}"
    return CreatedKey(**_said(made.key, now), key=made.text)


def _said(key: ApiKey, now: datetime) -> dict[str, Any]:
    return {
        "prefix": key.prefix,
        "tenant_id": key.tenant_id,
        "role": key.role,
        "label": key.label,
        "state": key.state(now),
        "created_at": key.created_at,
        "created_by": key.created_by,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
        "rotated_from": key.rotated_from,
        "replaced_by": key.replaced_by,
    }
