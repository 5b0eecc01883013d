# SPDX-License-Identifier: Apache-2.0
"""Asking for a score: whether what is named may be used so is said at once; making it is a run's."""

from hashlib import sha256
from typing import Annotated, Final
from uuid import UUID, uuid4

import psycopg
from fastapi import Header
from pydantic import BaseModel, ConfigDict, Field

from ovpo.foundation.auth import Principal
from ovpo.sop.api.desk import asked_by, uuid_or_none
from ovpo.sop.api.fields import Id
from ovpo.sop.api.naming import Role, usable_video
from ovpo.sop.api.refusals import in_the_way, unusable
from ovpo.sop.records.definitions import Definitions
from ovpo.sop.records.rows import Score, Video
from ovpo.sop.records.scores import NewScore, Scores

LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('sop_scores ' || %s, 0))"
HAS_GOLD: Final = """
SELECT 1 FROM sop_videos WHERE task_id = %s AND role = 'gold' AND state IN ('registered', 'probed') LIMIT 1
"""
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="A text of your choice: asking again with it gives the same score, never a second one",
    ),
]


class ScoreWanted(BaseModel):
    """Whom to score, and against what."""

    model_config = ConfigDict(extra="forbid")
    trainee_id: Id = Field(description="The trainee's video")
    gold_id: Id | None = Field(None, description="A gold video of the same task; none: the one that the task has")
    definition_version: int | None = Field(
        None,
        ge=1,
        le=2_147_483_647,
        strict=True,
        description="Which definition to judge by; none: the newest",
        examples=[2],
    )


def wanted_id(tenant_id: str, key: str | None) -> UUID:
    """Give the id that a score is to have: the same for the same key of a tenant."""
    if key is None:
        return uuid4()
    return UUID(bytes=sha256(f"{tenant_id}\n{key}".encode()).digest()[:16], version=4)


def ask(connection: psycopg.Connection, caller: Principal, wanted: ScoreWanted, score_id: UUID) -> NewScore | Score:
    """Check what is asked for; give the score instead that was asked for under this id before."""
    connection.execute(LOCK, (str(score_id),))
    known = Scores(connection).find(caller.tenant_id, score_id)
    if known is not None:
        return _same(known, wanted)
    trainee = usable_video(connection, wanted.trainee_id, Role("trainee_id", "trainee"))
    _check_gold(connection, trainee, wanted.gold_id)
    _check_definition(connection, caller, trainee, wanted.definition_version)
    return NewScore(
        score_id=score_id,
        tenant_id=caller.tenant_id,
        task_id=trainee.task_id,
        trainee_id=trainee.video_id,
        asked_by=asked_by(caller),
        wanted_gold_id=uuid_or_none(wanted.gold_id),
        wanted_definition=wanted.definition_version,
    )


def _same(known: Score, wanted: ScoreWanted) -> Score:
    before = (known.trainee_id, known.wanted_gold_id, known.wanted_definition)
    if before != (UUID(wanted.trainee_id), uuid_or_none(wanted.gold_id), wanted.definition_version):
        raise in_the_way(
            "this Idempotency-Key was used for another score; use another key for another one",
            field="Idempotency-Key",
            score_id=str(known.score_id),
        )
    return known


def _check_gold(connection: psycopg.Connection, trainee: Video, gold_id: str | None) -> None:
    if gold_id is not None:
        usable_video(connection, gold_id, Role("gold_id", "gold", trainee.task_id))
    elif connection.execute(HAS_GOLD, (trainee.task_id,)).fetchone() is None:
        raise unusable("trainee_id", f"the task {trainee.task_id} has no gold video; upload one first")


def _check_definition(connection: psycopg.Connection, caller: Principal, trainee: Video, version: int | None) -> None:
    if version is None:
        return
    if Definitions(connection).of_version(caller.tenant_id, trainee.task_id, version) is None:
        raise unusable(
            "definition_version",
            f"the task {trainee.task_id} has no definition {version}; "
            "GET /v1/sop/definitions/{task_id}/versions lists those that it has",
        )
