# SPDX-License-Identifier: Apache-2.0
"""The SOP API in this process over the real stores, tenants with a key of each role, and what runs would have done."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import msgspec
import psycopg
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from psycopg.types.json import Jsonb

from ovpo.foundation.auth import Role
from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.copies import Copies
from ovpo.foundation.objects.store import ObjectStore
from ovpo.foundation.postgres.connect import admin_conninfo
from ovpo.foundation.settings.tree import Settings
from ovpo.governance.access.console import issue
from ovpo.services.sop import create
from ovpo.sop.catalogue import files
from ovpo.sop.records.embeddings import Embeddings
from ovpo.sop.records.keys import digest_of, of_embedding, of_score, of_video
from ovpo.sop.records.rows import StoredEmbedding
from tests.integration.sop.video.films import Film, shoot, steady
from tests.unit.sop.embedding.building import embedding, some_rows

GENEROUS = "".join(
    f"[{tier}]\nrequests = 1000000\nper_seconds = 1\nburst = 1000000\n" for tier in ("free", "pro", "enterprise")
)
MOST_BYTES = 1_000_000
PROBED = """
UPDATE sop_videos
SET state = 'probed', probe = %(probe)s, probed_by = '1', masked_key = %(masked)s, thumbnail_key = %(thumbnail)s
WHERE video_id = %(video)s
"""
FINISHED = """
UPDATE sop_scores
SET state = 'finished', verdict = %(verdict)s, points = %(points)s, deviations = %(deviations)s,
    result_key = %(result)s, report_key = %(report)s, gold_id = %(gold)s, maker = 'a', adapter = '', code_version = '1',
    finished_at = %(at)s, updated_at = %(at)s
WHERE score_id = %(score)s
"""
Answer = httpx2.Response


@dataclass
class Office:
    """A tenant: its people ask the API, and its runs are played by the test."""

    name: str
    api: TestClient
    settings: Settings
    objects: ObjectStore
    film: bytes
    keys: dict[Role, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, role: Role = Role.ADMIN, **more: Any) -> Answer:
        """Call the API with a key of a role."""
        headers = {"Authorization": self.key(role)} | more.pop("headers", {})
        return self.api.request(method, f"/v1/sop{path}", headers=headers, **more)

    def get(self, path: str, role: Role = Role.VIEWER, **more: Any) -> Any:
        """Get something that is there."""
        answer = self.ask("GET", path, role, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def key(self, role: Role) -> str:
        if role not in self.keys:
            issued = issue(self.settings, self.name, role, "test", None)
            assert issued is not None
            self.keys[role] = f"Bearer {issued.text}"
        return self.keys[role]

    def bytes_of_a_film(self) -> bytes:
        """Give a small film that nobody else has: an MP4 with a free box of its own at the end."""
        return self.film + (24).to_bytes(4, "big") + b"free" + uuid4().bytes

    def upload(self, content: bytes | None = None, *, by: Role = Role.ADMIN, **said: Any) -> Answer:
        """Upload a video as a body of bytes."""
        given = {"task_id": "coffee", "role": "trainee", "name": "monday.mp4"} | said
        body = self.bytes_of_a_film() if content is None else content
        return self.ask("POST", "/videos", by, params=given, content=body)

    def video(self, *, probed: bool = True, masked: bool = False, **said: Any) -> str:
        """Upload a video and let it be looked at; give its id."""
        answer = self.upload(**said)
        assert answer.status_code == 202, answer.text
        video_id: str = answer.json()["video_id"]
        if probed:
            self.probe(video_id, masked=masked)
        return video_id

    def probe(self, video_id: str, *, masked: bool = False) -> None:
        """Do what the run does that looks at videos."""
        prefix = of_video(self.name, UUID(video_id))
        self.objects.put(f"{prefix}/thumbnail.jpg", b"a picture")
        if masked:
            self.objects.put(f"{prefix}/masked.mp4", b"the masked film")
        self.sql(
            PROBED,
            {
                "video": video_id,
                "probe": Jsonb({"seconds": 1.0}),
                "thumbnail": f"{prefix}/thumbnail.jpg",
                "masked": f"{prefix}/masked.mp4" if masked else None,
            },
        )

    def embed(self, video_id: str, number: int = 0, rows: int = 8) -> StoredEmbedding:
        """Do what the run does that embeds."""
        made = embedding(some_rows(rows, number), f"{video_id}.mp4")
        maker = made.sidecar.maker
        stored = StoredEmbedding(
            video_id=UUID(video_id),
            tenant_id=self.name,
            maker=digest_of(maker),
            embedder=maker.embedder,
            version=maker.version,
            dims=maker.dims,
            clips=rows,
            key=of_embedding(self.name, UUID(video_id), digest_of(maker)),
            created_at=datetime.now(UTC),
            run_id=None,
        )
        files.save(Copies(self.objects, self.settings.home / "copies"), stored.key, made)
        with psycopg.connect(admin_conninfo(self.settings.postgres, self.settings.postgres.database)) as connection:
            Embeddings(connection).enter(stored)
        return stored

    def pair(self, task: str = "coffee") -> tuple[str, str]:
        """Give a gold and a trainee's video of a task, both looked at."""
        return self.video(role="gold", task_id=task), self.video(task_id=task)

    def score(self, trainee: str, **wanted: Any) -> str:
        """Ask for a score; give its id."""
        answer = self.ask("POST", "/scores", json={"trainee_id": trainee} | wanted)
        assert answer.status_code == 202, answer.text
        score_id: str = answer.json()["score_id"]
        return score_id

    def finish(self, score_id: str, gold: str, *, verdict: str = "pass", points: float = 90.0,
               deviations: list[dict[str, Any]] | None = None, at: datetime | None = None) -> str:  # fmt: skip
        """Do what the run does that scores; give the prefix of what it wrote."""
        prefix = of_score(self.name, UUID(score_id), "run-1")
        result = {"schema_version": "1.0", "task_id": "coffee", "score": points}
        self.objects.put(f"{prefix}/result.json", msgspec.json.encode(result) + b"\n")
        self.objects.put(f"{prefix}/evidence-01.png", b"\x89PNG evidence")
        self.objects.put(f"{prefix}/evidence.json", b"[]\n")
        self.objects.put(f"{prefix}/matrix.npz", b"numbers")
        self.objects.put(f"{prefix}/report.pdf", b"%PDF-1.7 a report")
        self.sql(
            FINISHED,
            {
                "score": score_id,
                "verdict": verdict,
                "points": points,
                "deviations": Jsonb(deviations or []),
                "result": f"{prefix}/result.json",
                "report": f"{prefix}/report.pdf",
                "gold": gold,
                "at": at or datetime.now(UTC),
            },
        )
        return prefix

    def stored(self) -> set[str]:
        """Name the tenant's objects, without the tenant."""
        root = f"sop/{self.name}/"
        return {found.key.removeprefix(root) for found in self.objects.list(root)}

    def audited(self, event: str) -> list[tuple[str, str, dict[str, Any]]]:
        """Give what the tenant's chain says of one kind of event: who, what, the rest."""
        return self.sql(
            "SELECT actor_id, resource_id, metadata FROM audit_log"
            " WHERE tenant_id = %s AND event_type = %s ORDER BY seq",
            (self.name, event),
        )

    def work(self, lane: str) -> list[tuple[str, str]]:
        """Give the tenant's items of a lane: subject, state."""
        return self.sql(
            "SELECT subject, state FROM ledger_items WHERE tenant_id = %s AND lane = %s ORDER BY registered_at",
            (self.name, lane),
        )

    def sql(self, statement: str, given: Any = ()) -> list[Any]:
        """Ask PostgreSQL as its owner, or change what it holds."""
        with psycopg.connect(admin_conninfo(self.settings.postgres, self.settings.postgres.database)) as connection:
            answer = connection.execute(statement.encode(), given)
            return answer.fetchall() if answer.description else []

    def spooled(self) -> list[Path]:
        """List what uploads left on disk."""
        return list((self.settings.home / "sop-uploads").glob("*"))


class NewOffice:
    """Makes tenants."""

    def __init__(self, api: TestClient, settings: Settings, film: bytes) -> None:
        self._api, self._settings, self._film = api, settings, film

    def __call__(self) -> Office:
        name = f"t-{uuid4().hex}"
        objects = open_objects(self._settings.objects, self._settings.query, self._settings.home)
        office = Office(name, self._api, self._settings, objects, self._film)
        office.sql("INSERT INTO tenants (tenant_id, name) VALUES (%s, %s)", (name, name))
        return office


@pytest.fixture(scope="session")
def sop_settings(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Give settings under which no test meets a rate, and a megabyte is the largest video."""
    tiers = tmp_path_factory.mktemp("tiers") / "tiers.toml"
    tiers.write_text(GENEROUS)
    return settings.model_copy(
        update={"sop": settings.sop.model_copy(update={"tiers": tiers, "most_upload_mb": MOST_BYTES // 1_000_000})}
    )


@pytest.fixture(scope="session")
def app(sop_settings: Settings) -> FastAPI:
    return create(sop_settings)


@pytest.fixture(scope="session")
def api(app: FastAPI) -> Iterator[TestClient]:
    """Give the service; an error of ours is an answer, not an exception."""
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def new_office(api: TestClient, sop_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> NewOffice:
    film = shoot(tmp_path_factory.mktemp("film") / "film.mp4", Film(steady(1.0)))
    return NewOffice(api, sop_settings, film.read_bytes())


@pytest.fixture
def office(new_office: NewOffice) -> Office:
    """Give a tenant of its own to a test."""
    return new_office()


def hash_of(content: bytes | str) -> str:
    return sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def error(answer: Answer) -> dict[str, Any]:
    """Give the error that an answer holds, with its status."""
    said: dict[str, Any] = answer.json()["error"]
    return {"status": answer.status_code, "field": (said.get("details") or {}).get("field"), **said}


def waiting(connection: psycopg.Connection) -> int:
    """Count who waits for a lock."""
    row = connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
    assert row is not None
    return int(row[0])


def until(holds: Callable[[], bool]) -> None:
    """Look again and again until something holds."""
    for _ in range(100_000):
        if holds():
            return
    raise AssertionError("it never came to that")
