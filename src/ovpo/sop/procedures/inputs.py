# SPDX-License-Identifier: Apache-2.0
"""What a score is made from, as the database has it now: the two videos, their rows, the adapter, the definition."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import psycopg
from psycopg.rows import class_row, scalar_row

from ovpo.sop.errors import SopError
from ovpo.sop.records.adapters import Adapters
from ovpo.sop.records.definitions import Definitions
from ovpo.sop.records.embeddings import Embeddings
from ovpo.sop.records.reading import row_of
from ovpo.sop.records.rows import Score, StoredDefinition, Video, VideoState

MOST_RETAKES: Final = 12
"""The newest golds of a task that an adapter is fitted to and that are learnt from; more change little."""
REFERENCE: Final = "SELECT gold_id FROM sop_tasks WHERE tenant_id = %s AND task_id = %s"
VIDEOS: Final = "SELECT * FROM sop_videos WHERE tenant_id = %s AND video_id = ANY(%s)"
RETAKES: Final = """
SELECT v.video_id, v.sha256, e.key
FROM sop_videos AS v JOIN sop_embeddings AS e ON e.video_id = v.video_id AND e.maker = %(maker)s
WHERE v.tenant_id = %(tenant)s AND v.task_id = %(task)s AND v.role = 'gold' AND v.state = 'probed'
      AND v.video_id <> %(gold)s
ORDER BY v.registered_at DESC, v.video_id LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Retake:
    """Another gold of the same task, and where its rows lie."""

    video_id: UUID
    sha256: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardKey:
    """Which standard: scores of the same key are held against the same thing."""

    tenant_id: str
    task_id: str
    gold_id: UUID
    maker: str
    champion: str | None
    definition_version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What one score is made from."""

    standard: StandardKey
    trainee_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldInputs:
    """What a standard is made from."""

    gold: Video
    key: str
    retakes: tuple[Retake, ...]
    definition: StoredDefinition | None


def inputs_of(connection: psycopg.Connection, score: Score, maker: str | None) -> Inputs:
    """Look up what a score is made from; raise SopError for what is missing, with what to do about it."""
    if maker is None:
        raise _not_embedded()
    gold_id = score.wanted_gold_id or _reference(connection, score)
    if gold_id is None:
        raise SopError("no_gold", f"Task {score.task_id} has no gold video; add one, then retry.")
    videos = videos_of(connection, score.tenant_id, gold_id, score.trainee_id)
    for video_id, whose in ((gold_id, "gold"), (score.trainee_id, "trainee's")):
        if (found := videos.get(video_id)) is None or found.state is not VideoState.PROBED:
            raise SopError("video_gone", f"The {whose} video is not there any more; add it again, then retry.")
    _key(connection, score.tenant_id, gold_id, maker)
    champion = Adapters(connection).champion_of(score.tenant_id, maker)
    return Inputs(
        standard=StandardKey(
            tenant_id=score.tenant_id,
            task_id=score.task_id,
            gold_id=gold_id,
            maker=maker,
            champion=champion.adapter if champion else None,
            definition_version=_definition_version(connection, score),
        ),
        trainee_key=_key(connection, score.tenant_id, score.trainee_id, maker),
    )


def gold_inputs_of(connection: psycopg.Connection, key: StandardKey) -> GoldInputs:
    """Look up what a standard is made from."""
    gold = videos_of(connection, key.tenant_id, key.gold_id).get(key.gold_id)
    if gold is None:
        raise SopError("video_gone", "The gold video is not there any more; add it again, then retry.")
    values = {
        "tenant": key.tenant_id,
        "task": key.task_id,
        "maker": key.maker,
        "gold": key.gold_id,
        "most": MOST_RETAKES,
    }
    with connection.cursor(row_factory=class_row(Retake)) as cursor:
        retakes = tuple(cursor.execute(RETAKES, values).fetchall())
    definition = None
    if key.definition_version is not None:
        definition = Definitions(connection).of_version(key.tenant_id, key.task_id, key.definition_version)
    return GoldInputs(
        gold=gold,
        key=_key(connection, key.tenant_id, key.gold_id, key.maker),
        retakes=retakes,
        definition=definition,
    )


def videos_of(connection: psycopg.Connection, tenant_id: str, *video_ids: UUID) -> dict[UUID, Video]:
    """Look videos up."""
    with connection.cursor(row_factory=row_of(Video)) as cursor:
        found = cursor.execute(VIDEOS, (tenant_id, list(video_ids))).fetchall()
    return {video.video_id: video for video in found}


def _reference(connection: psycopg.Connection, score: Score) -> UUID | None:
    with connection.cursor(row_factory=scalar_row) as cursor:
        found: UUID | None = cursor.execute(REFERENCE, (score.tenant_id, score.task_id)).fetchone()
    return found


def _definition_version(connection: psycopg.Connection, score: Score) -> int | None:
    definitions = Definitions(connection)
    if score.wanted_definition is None:
        newest = definitions.newest(score.tenant_id, score.task_id)
        return newest.version if newest else None
    if definitions.of_version(score.tenant_id, score.task_id, score.wanted_definition) is None:
        raise SopError(
            "no_definition",
            f"Task {score.task_id} has no definition of version {score.wanted_definition}; ask for one that it has.",
        )
    return score.wanted_definition


def _key(connection: psycopg.Connection, tenant_id: str, video_id: UUID, maker: str) -> str:
    found = Embeddings(connection).find(video_id, maker)
    if found is None or found.tenant_id != tenant_id:
        raise _not_embedded()
    return found.key


def _not_embedded() -> SopError:
    return SopError(
        "not_embedded",
        "A video is not embedded by the embedder that is set now; materialise embeddings/clips for its hour, and this "
        "score follows.",
    )
