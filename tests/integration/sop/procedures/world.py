# SPDX-License-Identifier: Apache-2.0
"""A task with its videos and embeddings as intake and catalogue leave them: real rows and objects, made-up pictures."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from uuid import UUID, uuid4

import psycopg
from msgspec import structs
from psycopg.types.json import Jsonb

from ovpo.foundation.ledger.items import Item
from ovpo.foundation.ledger.session import Session
from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.copies import Copies
from ovpo.foundation.settings.tree import Settings
from ovpo.sop.adapters.adapter import Adapter
from ovpo.sop.adapters.files import save as save_adapter
from ovpo.sop.catalogue.files import save
from ovpo.sop.embedding import Embedding
from ovpo.sop.procedures.inputs import videos_of
from ovpo.sop.records.embeddings import Embeddings
from ovpo.sop.records.keys import digest_of, of_adapter, of_embedding, of_video
from ovpo.sop.records.rows import Score, StoredEmbedding, Video
from ovpo.sop.records.scores import NewScore, Scores
from ovpo.sop.working import SCORE, Hours, Workplace
from tests.unit.sop.comparing.drawing import run_of

TENANT = "demo"
ADD_VIDEO = """
INSERT INTO sop_videos (video_id, tenant_id, sha256, task_id, role, name, bytes, source_key, window_start, state, probe,
                        registered_at, updated_at)
VALUES (%(id)s, 'demo', %(sha)s, %(task)s, %(role)s, %(name)s, 1, %(key)s, %(window)s, 'probed', %(probe)s,
        %(now)s, %(now)s)
"""
SET_GOLD = """
INSERT INTO sop_tasks (tenant_id, task_id, gold_id, updated_at) VALUES ('demo', %s, %s, %s)
ON CONFLICT (tenant_id, task_id) DO UPDATE SET gold_id = EXCLUDED.gold_id
"""
CROWN = """
INSERT INTO sop_adapters (adapter, tenant_id, maker, key, state, trained_on, day, created_at, decided_at)
VALUES (%s, 'demo', %s, %s, 'champion', '{gold}', '2026-01-01Z', now(), now())
"""
DETHRONE = "UPDATE sop_adapters SET state = 'retired' WHERE maker = %s AND state = 'champion'"
ITEMS = "SELECT state, reason, digest, attempt FROM ledger_items WHERE lane = %s AND subject = %s ORDER BY item_id"


@dataclass(slots=True)
class World:
    """One task in an hour of its own, with a maker of its own."""

    settings: Settings
    folder: Path
    task: str = field(default_factory=lambda: f"task-{uuid4().hex[:12]}")
    mark: int = field(default_factory=lambda: Random().randrange(2**40))
    maker: str = ""

    def __post_init__(self) -> None:
        self.maker = self.made(run_of((1,)))[1]

    @property
    def hour(self) -> datetime:
        return datetime(1990, 1, 1, tzinfo=UTC) + timedelta(hours=self.mark % 200_000)

    @property
    def hours(self) -> Hours:
        return Hours(self.hour, self.hour)

    def place(self, run_id: str | None = None) -> Workplace:
        objects = open_objects(
            self.settings.objects.model_copy(update={"url": (self.folder / "objects").as_uri()}),
            self.settings.query,
            self.folder,
        )
        return Workplace(
            self.settings, objects, Copies(objects, self.folder / "copies"), run_id or f"run-{uuid4().hex}"
        )

    def made(self, of: Embedding) -> tuple[Embedding, str]:
        """Give an embedding as this world's maker makes it, and that maker's digest."""
        maker = structs.replace(of.sidecar.maker, settings={"mark": self.mark})
        return Embedding(of.rows, structs.replace(of.sidecar, maker=maker)), digest_of(maker)

    def video(
        self, role: str, steps: tuple[int, ...] = (1, 2, 3, 4), *, seed: int = 0, file: Path | None = None
    ) -> Video:
        """Add a video that is embedded already."""
        with self.place().transaction() as connection:
            video_id = self.bare_video(connection, role, file)
        self.embed(video_id, run_of(steps, f"{video_id}.mp4", seed=seed))
        if role == "gold":
            self.refer_to(video_id, anew=False)
        return self.found_video(video_id)

    def bare_video(self, connection: psycopg.Connection, role: str, file: Path | None = None) -> UUID:
        """Add a video that nobody has embedded yet."""
        video_id = uuid4()
        key = f"{of_video(TENANT, video_id)}/source.mp4"
        self.place().objects.put(key, file.read_bytes() if file else b"no video")
        values = {
            "id": video_id,
            "sha": sha256(f"{video_id}.mp4".encode()).hexdigest(),
            "task": self.task,
            "role": role,
            "name": f"{video_id}.mp4",
            "key": key,
            "window": self.hour,
            "probe": Jsonb({}),
            "now": datetime.now(UTC),
        }
        connection.execute(ADD_VIDEO, values)
        return video_id

    def embed(self, video_id: UUID, embedding: Embedding) -> None:
        """Keep an embedding of a video by this world's maker, which everybody works with from now on."""
        with self.place().transaction() as connection:
            Embeddings(connection).make_current(self.maker, self.place().now())
            self.enter(connection, video_id, embedding)

    def enter(self, connection: psycopg.Connection, video_id: UUID, embedding: Embedding) -> None:
        """Write an embedding of a video, then enter it in a transaction that is still open."""
        place = self.place()
        made, maker = self.made(embedding)
        key = of_embedding(TENANT, video_id, maker)
        save(place.copies, key, made)
        stored = StoredEmbedding(
            video_id=video_id,
            tenant_id=TENANT,
            maker=maker,
            embedder=made.sidecar.maker.embedder,
            version="1",
            dims=made.rows.shape[1],
            clips=len(made.rows),
            key=key,
            created_at=place.now(),
            run_id=None,
        )
        Embeddings(connection).enter(stored)

    def refer_to(self, video_id: UUID, *, anew: bool = True) -> None:
        """Hold the task against a gold."""
        with self.place().transaction() as connection:
            known = connection.execute(
                "SELECT 1 FROM sop_tasks WHERE tenant_id = 'demo' AND task_id = %s", (self.task,)
            ).fetchone()
            if anew or known is None:
                connection.execute(SET_GOLD, (self.task, video_id, self.place().now()))

    def found_video(self, video_id: UUID) -> Video:
        with self.place().transaction() as connection:
            return videos_of(connection, TENANT, video_id)[video_id]

    def crown(self, adapter: Adapter) -> None:
        """Make an adapter the champion in place of another."""
        place, key = self.place(), of_adapter(TENANT, adapter.record.name)
        file = save_adapter(self.folder / "adapters", adapter)
        place.objects.put(key, file.read_bytes())
        place.objects.put(f"{key.removesuffix('.npz')}.json", file.with_suffix(".json").read_bytes())
        with place.transaction() as connection:
            connection.execute(DETHRONE, (self.maker,))
            connection.execute(CROWN, (adapter.record.name, self.maker, key))

    def asked(self, trainee: Video) -> Score:
        """Ask for a trainee's score as intake does."""
        with self.place().transaction() as connection:
            return Scores(connection).ask_for_intake(trainee, self.place().now())

    def asked_for(self, trainee: Video, now: datetime | None = None, **wanted: object) -> Score:
        """Ask for a score as the API does."""
        new = NewScore(tenant_id=TENANT, task_id=self.task, trainee_id=trainee.video_id, asked_by="somebody", **wanted)  # type: ignore[arg-type]
        with self.place().transaction() as connection:
            return Scores(connection).ask(new, now or self.hour)

    def now_of(self, score: Score) -> Score:
        """Read a score anew."""
        with self.place().transaction() as connection:
            found = Scores(connection).find(TENANT, score.score_id)
        assert found is not None
        return found

    def items_of(self, score: Score) -> list[tuple[str, str | None]]:
        """Give state and reason of a score's items in the ledger."""
        with self.place().transaction() as connection:
            return [(row[0], row[1]) for row in connection.execute(ITEMS, (SCORE, str(score.score_id)))]

    def claimed(self, run_id: str) -> list[Item]:
        """Take the queued items of the hour for a run that then dies."""
        with self.place().transaction() as connection:
            return Session(connection).claim(SCORE, self.hour, self.hour, run_id, self.place().now())

    def given_back(self, run_id: str, most_attempts: int = 3) -> None:
        """Do what the platform does for a run that died."""
        with self.place().transaction() as connection:
            Session(connection).release(run_id, "its run died", most_attempts, self.place().now())

    def objects_of(self, score: Score) -> list[str]:
        """List the names of what lies in the store of a score."""
        found = self.place().objects.list(f"sop/{TENANT}/scores/{score.score_id}/")
        return sorted(one.key for one in found)
