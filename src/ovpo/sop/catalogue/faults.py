# SPDX-License-Identifier: Apache-2.0
"""Whether the catalogue and the object store say the same, and making it so where a process died in between."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import polars as pl
import psycopg

from ovpo.foundation.objects.copies import Copies
from ovpo.sop.catalogue import files
from ovpo.sop.errors import EmbeddingError
from ovpo.sop.records.catalogue import Catalogue, Entry
from ovpo.sop.records.embeddings import Embeddings
from ovpo.sop.records.keys import of_tenant
from ovpo.sop.working import Hours, Workplace

GRACE: Final = timedelta(hours=1)
"""How old a file without a row is before it is a fault: its row is entered in less than a second, if it ever is."""
EVER: Final = Hours(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
NO_ROW: Final = "no_row"
FAULTS: Final = {"fault": pl.String, "tenant_id": pl.String, "video_id": pl.String, "key": pl.String}


@dataclass(frozen=True, slots=True)
class Mended:
    """What was removed: rows whose files are of no use, with what was left of those, and files without a row."""

    rows: int = 0
    files: int = 0


@dataclass(frozen=True, slots=True)
class _Fault:
    fault: str
    tenant_id: str
    video_id: UUID | None
    """None of a file that lies where nothing of ours does."""
    key: str


def index_faults(place: Workplace, hours: Hours | None = None) -> pl.DataFrame:
    """List rows whose files are missing or differ, and files without a row, of some windows or of all.

    Every file is read through. What is entered or removed meanwhile is no fault.
    """
    windows = hours or EVER
    with place.transaction() as connection:
        entries = Catalogue(connection).of_windows(windows.first, windows.last)
        folders = _folders(connection, hours)
    broken = [
        _Fault(code, one.tenant_id, one.video_id, one.key) for one in entries if (code := _fault(place.copies, one))
    ]
    strangers = list(_strangers(place, folders, {entry.key for entry in entries}))
    with place.transaction() as connection:
        found = [fault for fault in broken if _entry(connection, fault)]
        found += [fault for fault in strangers if not _entry(connection, fault)]
    rows = [(one.fault, one.tenant_id, one.video_id and str(one.video_id), one.key) for one in found]
    return pl.DataFrame(rows, schema=FAULTS, orient="row").sort("key", "fault")


def broken_adapted(place: Workplace, hours: Hours, maker: str) -> pl.DataFrame:
    """List the rows of adapted embeddings by a maker whose files are missing or differ, of some windows."""
    with place.transaction() as connection:
        entries = Catalogue(connection).of_windows(hours.first, hours.last)
    rows = [
        (code, one.tenant_id, str(one.video_id), one.key)
        for one in entries
        if one.adapter is not None and one.maker == maker and (code := _fault(place.copies, one))
    ]
    return pl.DataFrame(rows, schema=FAULTS, orient="row")


def mend(place: Workplace, faults: pl.DataFrame) -> Mended:
    """Remove what was listed here, where it still is so; the next run of the windows makes it anew."""
    rows = removed = 0
    for fault, tenant_id, video_id, key in faults.iter_rows():
        one = _Fault(fault, tenant_id, video_id and UUID(video_id), key)
        with place.transaction() as connection:
            if one.video_id is not None:
                Embeddings(connection).lock_video(one.video_id)
            entry = _entry(connection, one)
            if fault == NO_ROW and entry is None:
                place.objects.delete(key)
                removed += 1
            elif fault != NO_ROW and entry is not None and _fault(place.copies, entry):
                Catalogue(connection).drop(entry)
                files.remove(place.objects, key)
                rows += 1
    return Mended(rows, removed)


def _fault(copies: Copies, entry: Entry) -> str | None:
    try:
        files.load_entry(copies, entry)
    except EmbeddingError as error:
        return error.code
    return None


def _folders(connection: psycopg.Connection, hours: Hours | None) -> list[tuple[str, str]]:
    """Name what to look through, each with its tenant: every prefix of embeddings, or those of some windows' videos."""
    catalogue = Catalogue(connection)
    if hours is None:
        both = ("embeddings", "adapted")
        return [(tenant, f"{of_tenant(tenant)}/{kind}") for tenant in catalogue.tenants() for kind in both]
    videos = catalogue.videos(hours.first, hours.last)
    return [(tenant, folder) for tenant, video in videos for folder in files.folders_of(tenant, video)]


def _strangers(place: Workplace, folders: list[tuple[str, str]], known: set[str]) -> Iterator[_Fault]:
    before = place.now() - GRACE
    for tenant_id, folder in folders:
        for found in place.objects.list(folder):
            if found.modified < before and files.rows_of(found.key) not in known:
                yield _Fault(NO_ROW, tenant_id, _video_of(found.key), found.key)


def _video_of(key: str) -> UUID | None:
    try:
        return UUID(key.split("/")[-2])
    except ValueError:
        return None


def _entry(connection: psycopg.Connection, fault: _Fault) -> Entry | None:
    """Look up what the catalogue has of a file now."""
    if fault.video_id is None:
        return None
    return Catalogue(connection).of_video(fault.video_id).get(files.rows_of(fault.key))
