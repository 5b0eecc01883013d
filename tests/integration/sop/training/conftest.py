# SPDX-License-Identifier: Apache-2.0
"""A workplace on the embedded stores with empty SOP tables, and a shelf to put videos, adapters and scores on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest

from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.copies import Copies
from ovpo.foundation.postgres.connect import admin_conninfo
from ovpo.foundation.settings.tree import Settings
from ovpo.sop.catalogue import files
from ovpo.sop.embedding import Embedding
from ovpo.sop.records import keys
from ovpo.sop.records.adapters import Adapters
from ovpo.sop.records.embeddings import Embeddings
from ovpo.sop.records.rows import StoredAdapter, StoredEmbedding
from ovpo.sop.working import Hours, Workplace
from tests.unit.sop.training.takes import take

TENANT, OTHER = "demo", "training-other"
DAY = datetime(2026, 11, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOW = DAY + 10 * HOUR + timedelta(minutes=30)
WHOLE_DAY = Hours(DAY, DAY + 23 * HOUR)
OLD_MAKER = "0" * 16

EMPTY = """
TRUNCATE sop_videos, sop_tasks, sop_definitions, sop_embeddings, sop_makers, sop_adapters, sop_adapted, sop_scores,
         ledger_items, ledger_windows
"""
TENANT_ROW = "INSERT INTO tenants (tenant_id, name) VALUES (%s, %s) ON CONFLICT DO NOTHING"
VIDEO = """
INSERT INTO sop_videos (video_id, tenant_id, sha256, task_id, role, name, bytes, window_start, state, probe,
                        registered_at, updated_at)
VALUES (%s, %s, %s, %s, %s, %s, 1, %s, 'probed', '{}', %s, %s)
"""
ADAPTED = """
INSERT INTO sop_adapted (video_id, tenant_id, maker, adapter, key, created_at) VALUES (%s, %s, %s, %s, %s, %s)
"""
ADAPTER = """
INSERT INTO sop_adapters (adapter, tenant_id, maker, key, state, trained_on, day, evaluation, created_at, decided_at)
VALUES (%(name)s, %(tenant)s, %(maker)s, %(name)s, %(state)s, %(golds)s, %(day)s, '{}', %(day)s, %(day)s)
"""
SCORE = """
INSERT INTO sop_scores (score_id, tenant_id, task_id, trainee_id, wanted_gold_id, wanted_definition, window_start,
                        state, reason_code, asked_by, asked_at, updated_at, finished_at, gold_id, maker, adapter,
                        definition_version, code_version, verdict, points, result_key, report_key)
VALUES (%(score)s, %(tenant)s, %(task)s, %(trainee)s, %(wanted)s, %(wanted_definition)s, %(window)s, %(state)s,
        %(code)s, 'intake', %(now)s, %(now)s, %(now)s, %(gold)s, %(maker)s, %(adapter)s, %(definition)s, '1', 'pass',
        90, 'key', %(report)s)
"""


@dataclass(frozen=True)
class Shelf:
    """Puts things on record as the other parts of the wing do."""

    place: Workplace
    maker: str

    def gold(self, task: str, number: int, *, hour: int = 0, tenant: str = TENANT) -> UUID:
        """Put an embedded gold on record."""
        return self.video(take(task, number), "gold", task, hour=hour, tenant=tenant)

    def trainee(self, task: str, number: int, *, hour: int = 0, tenant: str = TENANT) -> UUID:
        """Put an embedded trainee's video on record."""
        return self.video(take(task, 1000 + number), "trainee", task, hour=hour, tenant=tenant)

    def video(
        self, embedding: Embedding, role: str, task: str, *, hour: int = 0, tenant: str = TENANT, made: bool = True
    ) -> UUID:
        """Put a video on record, with its embedding where it is made already."""
        video_id, moment = uuid4(), DAY + hour * HOUR
        digest = embedding.sidecar.video.sha256
        with self.place.transaction() as connection:
            connection.execute(VIDEO, (video_id, tenant, digest, task, role, "video.mp4", moment, moment, moment))
        if made:
            key = keys.of_embedding(tenant, video_id, self.maker)
            files.save(self.place.copies, key, embedding)
            stored = StoredEmbedding(
                video_id=video_id,
                tenant_id=tenant,
                maker=self.maker,
                embedder="heuristic",
                version="1",
                dims=embedding.rows.shape[1],
                clips=len(embedding.rows),
                key=key,
                created_at=moment,
                run_id="r0",
            )
            with self.place.transaction() as connection:
                Embeddings(connection).enter(stored)
        return video_id

    def adapter(self, letter: str, state: str, *, tenant: str = TENANT, golds: tuple[str, ...] = ("0" * 64,)) -> str:
        """Put an adapter on record without its file."""
        name = f"feature_adapter_20261101T000000Z_{letter * 4}"
        values = {"name": name, "tenant": tenant, "maker": self.maker, "state": state, "golds": list(golds), "day": DAY}
        self.do(ADAPTER, values)
        return name

    def adapted(self, video_id: UUID, adapter: str, *, tenant: str = TENANT) -> None:
        """Put an adapted embedding on record without its file."""
        self.do(ADAPTED, (video_id, tenant, self.maker, adapter, str(video_id), NOW))

    def score(self, trainee: UUID, gold: UUID, *, task: str, hour: int, **other: object) -> UUID:
        """Put a finished score on record, or one in another state."""
        score_id = uuid4()
        usual = {
            "tenant": TENANT,
            "wanted": None,
            "wanted_definition": None,
            "state": "finished",
            "code": None,
            "maker": self.maker,
            "adapter": "",
            "definition": None,
            "report": "report",
        }
        made = {"score": score_id, "task": task, "trainee": trainee, "gold": gold, "window": DAY + hour * HOUR}
        self.do(SCORE, {**usual, **made, "now": NOW, **other})
        return score_id

    def do(self, statement: LiteralString, values: Sequence[object] | Mapping[str, object] | None = None) -> None:
        """Carry a statement out."""
        with self.place.transaction() as connection:
            connection.execute(statement, values)

    def champion(self, tenant: str = TENANT) -> StoredAdapter | None:
        """Look the champion up."""
        with self.place.transaction() as connection:
            return Adapters(connection).champion_of(tenant, self.maker)

    def adapters(self, tenant: str = TENANT) -> list[StoredAdapter]:
        """List a tenant's adapters, the newest first."""
        with self.place.transaction() as connection:
            return Adapters(connection).listed(tenant, 100)


@pytest.fixture
def place(settings: Settings, tmp_path: Path) -> Workplace:
    """Stand at half past ten of a day in November, with two tenants who have nothing."""
    with psycopg.connect(admin_conninfo(settings.postgres, settings.postgres.database)) as connection:
        connection.execute(EMPTY)
        connection.execute(TENANT_ROW, (OTHER, "Another one"))
    objects = open_objects(settings.objects, settings.query, tmp_path)
    return Workplace(settings, objects, Copies(objects, tmp_path / "copies"), "run-1", lambda: NOW)


@pytest.fixture
def shelf(place: Workplace) -> Shelf:
    """Stand before an empty shelf of the maker that the takes are made by."""
    maker = keys.digest_of(take("a", 0).sidecar.maker)
    with place.transaction() as connection:
        Embeddings(connection).make_current(maker, DAY)
    return Shelf(place, maker)


def at(place: Workplace, run_id: str, moment: datetime = NOW) -> Workplace:
    """Stand at the same place in another run, at another time."""
    return replace(place, run_id=run_id, now=lambda: moment)
