# SPDX-License-Identifier: Apache-2.0
"""Artifacts handed out by link: those that a trace of the tenant refers to and that lie where the tenant may read.

No connection to PostgreSQL is held while ClickHouse is asked and links are signed: a cloud may take half a minute.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg_pool import ConnectionPool

from ovpo.foundation.clickhouse.clients import ClientPool
from ovpo.foundation.postgres.connect import tenant_transaction
from ovpo.telemetry.artifacts import lookup
from ovpo.telemetry.artifacts.errors import ArtifactError, UnusableUriError
from ovpo.telemetry.artifacts.lookup import Picture, Span
from ovpo.telemetry.artifacts.places import Elsewhere, Kept, Places, links
from ovpo.telemetry.artifacts.references import Reference
from ovpo.telemetry.artifacts.uris import Scheme, location


@dataclass(frozen=True, slots=True)
class Link:
    """An address under which an artifact can be read now."""

    reference: Reference
    scheme: Scheme
    url: str
    expires_at: datetime | None
    """None where the address is not of our making."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A thumbnail with its link, or with why there is none."""

    picture: Picture
    link: Link | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Strip:
    """Thumbnails of a trace, and how many there are to choose from."""

    total: int
    shown: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Desk:
    """What links are made from: the stores to ask, the places to sign for, how long the links live from when."""

    pool: ConnectionPool
    clickhouse: ClientPool
    places: Places
    life: timedelta
    now: datetime


def hand_out(desk: Desk, tenant_id: str, trace_id: str, uri: str) -> Link | None:
    """Give a link to an artifact; None where the tenant's trace refers to no such artifact."""
    try:
        location(uri)
    except UnusableUriError:
        return None
    named = _named(desk, tenant_id, trace_id)
    if named is None:
        return None
    reference = next((one for one in named if one.uri == uri), None)
    if reference is None:
        with desk.clickhouse.lent() as client:
            reference = lookup.in_frames(client, tenant_id, trace_id, uri)
    return None if reference is None else _linked(desk, [(reference, desk.places.find(tenant_id, uri))])[0]


def strip(desk: Desk, tenant_id: str, trace_id: str, span: Span, most: int) -> Strip | None:
    """Give thumbnails with links; None where the tenant has no such trace."""
    if _named(desk, tenant_id, trace_id) is None:
        return None
    with desk.clickhouse.lent() as client:
        found = lookup.thumbnails(client, tenant_id, trace_id, span, most)
    placed = [(picture, _place(desk.places, tenant_id, picture.reference.uri)) for picture in found.chosen]
    linked = iter(_linked(desk, [(one.reference, at) for one, at in placed if not isinstance(at, ArtifactError)]))
    shown = [
        Shown(one, None, str(at)) if isinstance(at, ArtifactError) else Shown(one, next(linked), None)
        for one, at in placed
    ]
    return Strip(found.total, tuple(shown))


def _named(desk: Desk, tenant_id: str, trace_id: str) -> tuple[Reference, ...] | None:
    with tenant_transaction(desk.pool, tenant_id) as connection:
        return lookup.manifest(connection, tenant_id, trace_id)


def _place(places: Places, tenant_id: str, uri: str) -> Kept | Elsewhere | ArtifactError:
    try:
        return places.find(tenant_id, uri)
    except ArtifactError as error:
        return error


def _linked(desk: Desk, placed: Sequence[tuple[Reference, Kept | Elsewhere]]) -> list[Link]:
    expires_at = (desk.now + desk.life).replace(microsecond=0)
    signed = iter(links([at for _, at in placed if isinstance(at, Kept)], desk.life))
    return [
        Link(reference, at.scheme, next(signed), expires_at)
        if isinstance(at, Kept)
        else Link(reference, at.scheme, at.url, None)
        for reference, at in placed
    ]
