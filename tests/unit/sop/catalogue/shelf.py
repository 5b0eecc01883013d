# SPDX-License-Identifier: Apache-2.0
"""Embeddings on a shelf without a database: a folder, or a store that gives no files of its own, as a cloud does."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from obstore.store import LocalStore

from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.copies import Copies
from ovpo.foundation.objects.store import ObjectStore
from ovpo.foundation.settings.tree import Objects, Query
from ovpo.sop.catalogue import files
from ovpo.sop.embedding import Rows
from ovpo.sop.records.keys import digest_of, of_embedding
from ovpo.sop.records.rows import StoredEmbedding
from tests.unit.sop.embedding.building import embedding

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Unsigned:
    """Signs nothing."""

    def sign(self, *_: object) -> list[str]:
        return []

    def verify(self, *_: object) -> bool:
        return False


def in_a_folder(home: Path) -> Copies:
    return Copies(open_objects(Objects(), Query(), home), home / "copies")


def in_a_cloud(home: Path) -> Copies:
    bucket = home / "bucket"
    bucket.mkdir(exist_ok=True)
    return Copies(ObjectStore(LocalStore(bucket), Unsigned(), lambda _: None, "a cloud"), home / "copies")


def put(copies: Copies, number: int, rows: Rows) -> StoredEmbedding:
    """Write an embedding of the video of that number; give its row."""
    made, video_id = embedding(rows, f"{number}.mp4"), UUID(int=number)
    maker = made.sidecar.maker
    stored = StoredEmbedding(
        video_id=video_id,
        tenant_id="demo",
        maker=digest_of(maker),
        embedder=maker.embedder,
        version=maker.version,
        dims=maker.dims,
        clips=len(rows),
        key=of_embedding("demo", video_id, digest_of(maker)),
        created_at=NOON,
        run_id=None,
    )
    files.save(copies, stored.key, made)
    return stored
