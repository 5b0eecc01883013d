# SPDX-License-Identifier: Apache-2.0
"""A workplace on the embedded stores, and what the other parts of the wing put there."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest
from psycopg.types.json import Jsonb

from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.copies import Copies
from ovpo.foundation.postgres.connect import admin_conninfo
from ovpo.foundation.settings.tree import Settings
from ovpo.sop.adapters.adapter import Role
from ovpo.sop.adapters.fitting import fit
from ovpo.sop.catalogue import files
from ovpo.sop.embedding import Embedding, Rows
from ovpo.sop.records.embeddings import Embeddings
from ovpo.sop.records.keys import digest_of, of_adapter, of_embedding, of_video
from ovpo.sop.records.rows import StoredEmbedding
from ovpo.sop.training import adapter_objects
from ovpo.sop.video.probing import probe
from ovpo.sop.working import Hours, Workplace
from tests.integration.sop.video.films import Film, shoot, steady
from tests.unit.sop.embedding.building import embedding, some_rows

HOUR = datetime(2026, 11, 21, 9, tzinfo=UTC)
NEXT_HOUR = HOUR + timedelta(hours=1)
HOURS = Hours(HOUR, HOUR)
OTHER_TENANT = "catalogue-other"
EMPTY = """
TRUNCATE sop_videos, sop_tasks, sop_embeddings, sop_makers, sop_adapters, sop_adapted, sop_scores, ledger_items,
         ledger_windows CASCADE
"""
TENANT = "INSERT INTO tenants (tenant_id, name) VALUES (%s, %s) ON CONFLICT DO NOTHING"
VIDEO = """
INSERT INTO sop_videos (video_id, tenant_id, sha256, task_id, role, name, bytes, source_key, window_start, state,
                        probe, registered_at, updated_at)
VALUES (%(video_id)s, %(tenant)s, %(sha256)s, %(task)s, %(role)s, 'anna.mp4', 1, %(key)s, %(window)s, 'probed',
        %(probe)s, %(window)s, %(window)s)
"""
ADAPTER = """
INSERT INTO sop_adapters (adapter, tenant_id, maker, key, state, trained_on, day, created_at, decided_at)
VALUES (%(adapter)s, %(tenant)s, %(maker)s, %(key)s, 'champion', '{a}', '2026-11-20Z', %(now)s, %(now)s)
"""
RETIRE = "UPDATE sop_adapters SET state = 'retired' WHERE tenant_id = %s"


@dataclass(frozen=True)
class Shelf:
    """Puts things on record, and says what is there."""

    place: Workplace
    folder: Path

    def film(
        self, *, task: str = "coffee", role: str = "trainee", seconds: float = 3.0, window: datetime = HOUR
    ) -> UUID:
        """Put a probed video on record that has no embedding yet."""
        video_id = uuid4()
        file = shoot(self.folder / f"{video_id}.mp4", Film(steady(seconds)))
        key = f"{of_video('demo', video_id)}/source.mp4"
        self.place.copies.put(key, file)
        self._video(video_id, "demo", task, role, window, key, msgspec.to_builtins(probe(file)))
        return video_id

    def embedded(
        self,
        rows: Rows | None = None,
        *,
        tenant: str = "demo",
        task: str = "coffee",
        role: str = "trainee",
        window: datetime = HOUR,
    ) -> UUID:
        """Put a video on record with its embedding, without a file of its own."""
        video_id = uuid4()
        self._video(video_id, tenant, task, role, window, None, {})
        self.embed(video_id, rows if rows is not None else some_rows(8, video_id.int % 1000), tenant)
        return video_id

    def embed(self, video_id: UUID, rows: Rows, tenant: str = "demo") -> StoredEmbedding:
        """Write the embedding of a video, then enter it."""
        made = self.made(video_id, rows)
        maker = made.sidecar.maker
        stored = StoredEmbedding(
            video_id=video_id,
            tenant_id=tenant,
            maker=digest_of(maker),
            embedder=maker.embedder,
            version=maker.version,
            dims=maker.dims,
            clips=len(rows),
            key=of_embedding(tenant, video_id, digest_of(maker)),
            created_at=self.place.now(),
            run_id=None,
        )
        files.save(self.place.copies, stored.key, made)
        with self.place.transaction() as connection:
            Embeddings(connection).enter(stored)
        return stored

    def made(self, video_id: UUID, rows: Rows) -> Embedding:
        return embedding(rows, f"{video_id}.mp4")

    def champion(self, number: int, tenant: str = "demo") -> str:
        """Make an adapter the tenant's champion, in place of the former."""
        gold = embedding(some_rows(40, number), f"gold-{number}.mp4")
        adapter = fit([gold], now=HOUR, id=f"test{number}", roles=[Role.GOLD])
        name = adapter.record.name
        key = of_adapter(tenant, name)
        adapter_objects.save(self.place.objects, key, adapter)
        values = {"tenant": tenant, "maker": digest_of(adapter.record.maker), "key": key, "now": HOUR, "adapter": name}
        with self.place.transaction() as connection:
            connection.execute(RETIRE, (tenant,))
            connection.execute(ADAPTER, values)
        return name

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self.place.transaction() as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def change(self, statement: str, *values: object) -> None:
        with self.place.transaction() as connection:
            connection.execute(statement.encode(), values)

    def keys(self, kind: str, tenant: str = "demo") -> set[str]:
        """Name the objects of the tenant's embeddings: `embeddings` or `adapted`."""
        return {found.key for found in self.place.objects.list(f"sop/{tenant}/{kind}")}

    def _video(
        self, video_id: UUID, tenant: str, task: str, role: str, window: datetime, key: str | None, probed: object
    ) -> None:
        values = {
            "video_id": video_id,
            "tenant": tenant,
            "sha256": sha256(video_id.bytes).hexdigest(),
            "task": task,
            "role": role,
            "key": key,
            "window": window,
            "probe": Jsonb(probed),
        }
        with self.place.transaction() as connection:
            connection.execute(VIDEO, values)


@pytest.fixture
def place(settings: Settings, tmp_path: Path) -> Iterator[Workplace]:
    """Give a workplace with an empty catalogue, in an object store of its own."""
    with psycopg.connect(admin_conninfo(settings.postgres, settings.postgres.database)) as connection:
        connection.execute(EMPTY)
        connection.execute(TENANT, (OTHER_TENANT, OTHER_TENANT))
    objects = open_objects(settings.objects, settings.query, tmp_path)
    yield Workplace(settings, objects, Copies(objects, tmp_path / "copies"), "run-1")
    with psycopg.connect(admin_conninfo(settings.postgres, settings.postgres.database)) as connection:
        connection.execute(EMPTY)


@pytest.fixture
def shelf(place: Workplace, tmp_path: Path) -> Shelf:
    return Shelf(place, tmp_path)


def of_run(place: Workplace, run_id: str) -> Workplace:
    """Give the same workplace to another run."""
    return replace(place, run_id=run_id)
