# SPDX-License-Identifier: Apache-2.0
"""The routes of tasks: which there are, and which gold video each is held against."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import psycopg
from fastapi import APIRouter, Depends, Request
from psycopg.rows import dict_row
from pydantic import BaseModel, ConfigDict, Field

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import require
from ovpo.foundation.permissions import Permission
from ovpo.governance.audit.events import EventType
from ovpo.sop.api.desk import Desk, Note, note
from ovpo.sop.api.fields import Id, TaskPath
from ovpo.sop.api.naming import Role, usable_video
from ovpo.sop.api.refusals import UNUSABLE, missing
from ovpo.sop.procedures.queueing import queue_ready

MOST: Final = 10_000
LIST: Final = """
WITH counted AS (
    SELECT task_id, count(*) FILTER (WHERE role = 'gold') AS golds, count(*) FILTER (WHERE role = 'trainee') AS trainees
    FROM sop_videos WHERE state <> 'deleted' GROUP BY task_id
), defined AS (
    SELECT task_id, max(version) AS version FROM sop_definitions WHERE retired_at IS NULL GROUP BY task_id
), scored AS (
    SELECT task_id, count(*) AS scores FROM sop_scores WHERE state = 'finished' GROUP BY task_id
)
SELECT task_id, t.gold_id::text, coalesce(c.golds, 0) AS golds, coalesce(c.trainees, 0) AS trainees,
       d.version AS definition_version, coalesce(s.scores, 0) AS scores
FROM counted AS c FULL JOIN defined AS d USING (task_id) FULL JOIN sop_tasks AS t USING (task_id)
     LEFT JOIN scored AS s USING (task_id)
WHERE coalesce(c.golds, 0) + coalesce(c.trainees, 0) > 0 OR d.version IS NOT NULL OR t.gold_id IS NOT NULL
ORDER BY task_id LIMIT %s
"""
GOLD: Final = "SELECT gold_id::text, updated_at FROM sop_tasks WHERE task_id = %s AND gold_id IS NOT NULL"
CHOOSE: Final = """
INSERT INTO sop_tasks (tenant_id, task_id, gold_id, updated_at) VALUES (%(tenant)s, %(task)s, %(gold)s, %(now)s)
ON CONFLICT (tenant_id, task_id) DO UPDATE SET gold_id = EXCLUDED.gold_id, updated_at = EXCLUDED.updated_at
RETURNING gold_id::text, updated_at
"""


class ShownTask(BaseModel):
    """A procedure."""

    task_id: str = Field(examples=["make-coffee"])
    gold_id: Id | None = Field(description="The gold video that its trainees are held against")
    golds: int = Field(description="Its gold videos, retakes among them", examples=[3])
    trainees: int = Field(description="Its trainees' videos", examples=[40])
    definition_version: int | None = Field(description="Its newest definition", examples=[2])
    scores: int = Field(description="Its finished scores", examples=[38])


class Tasks(BaseModel):
    """The procedures of a tenant, by name."""

    tasks: list[ShownTask]


class GoldWanted(BaseModel):
    """Which gold video a task is to be held against."""

    model_config = ConfigDict(extra="forbid")
    video_id: Id = Field(description="A gold video of this task that was looked at")


class ShownGold(BaseModel):
    """The gold video of a task."""

    task_id: str = Field(examples=["make-coffee"])
    gold_id: Id
    updated_at: datetime


def router(desk: Desk) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix="/v1/sop/tasks", tags=["tasks"])
    Reader = Annotated[Principal, Depends(require(Permission.VIDEO_READ, desk.identify))]  # noqa: N806
    Writer = Annotated[Principal, Depends(require(Permission.DEFINITION_WRITE, desk.identify))]  # noqa: N806

    @routes.get("")
    def list_tasks(request: Request, caller: Reader) -> Tasks:
        """List the procedures that your tenant has videos, definitions or a gold of."""
        with desk.of(caller) as connection:
            with connection.cursor(row_factory=dict_row) as cursor:
                rows = cursor.execute(LIST, (MOST,)).fetchall()
            note(connection, request, caller, Note(EventType.VIDEO_QUERY, "tasks", "list"), shown=len(rows))
        return Tasks(tasks=[ShownTask.model_validate(row) for row in rows])

    @routes.get("/{task_id}/gold")
    def get_gold(request: Request, task_id: TaskPath, caller: Reader) -> ShownGold:
        """Tell which gold video a task is held against."""
        with desk.of(caller) as connection:
            found = _row(connection, GOLD, (task_id,))
            if found is None:
                raise missing("gold video of the task", task_id, "task_id")
            note(connection, request, caller, Note(EventType.VIDEO_QUERY, "task", task_id))
        return ShownGold(task_id=task_id, **found)

    @routes.put("/{task_id}/gold", responses=UNUSABLE)
    def choose_gold(request: Request, task_id: TaskPath, wanted: GoldWanted, caller: Writer) -> ShownGold:
        """Choose the gold video that a task is held against from now on; its scores follow by themselves."""
        now = desk.now()
        with desk.of(caller) as connection:
            usable_video(connection, wanted.video_id, Role("video_id", "gold", task_id, must_be_probed=True))
            values = {"tenant": caller.tenant_id, "task": task_id, "gold": UUID(wanted.video_id), "now": now}
            chosen = _row(connection, CHOOSE, values)
            queue_ready(connection, now)
            said = Note(EventType.GOLD_CHOSEN, "task", task_id)
            note(connection, request, caller, said, video_id=wanted.video_id)
        return ShownGold(task_id=task_id, **(chosen or {}))

    return routes


def _row(connection: psycopg.Connection, statement: Any, values: Any) -> dict[str, Any] | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, values).fetchone()
