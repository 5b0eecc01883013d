# SPDX-License-Identifier: Apache-2.0
"""A video removed with all that was made of it: its files, its embeddings, the pictures of its scores.

What a score came to stays, without a picture and without the video's name; its report is made anew, which says so. It
moves to a prefix of its own, so that a report of it that is being drawn meanwhile is nobody's. The objects go first,
then the rows tell it: whoever is cut off in between asks again.
"""

from contextlib import suppress
from typing import Any, Final
from uuid import uuid4

import msgspec
import psycopg
from fastapi import Request

from ovpo.foundation.auth import Principal
from ovpo.foundation.objects.errors import ObjectNotFoundError
from ovpo.foundation.objects.store import ObjectStore
from ovpo.governance.audit.events import EventType
from ovpo.sop.api import videos_reading
from ovpo.sop.api.desk import Desk, Note, note
from ovpo.sop.api.refusals import in_the_way
from ovpo.sop.catalogue.forgetting import forget
from ovpo.sop.intake.storing import clear
from ovpo.sop.procedures.keeping import MATRIX, RESULT, all_attempts_of, prefix_of, remove_attempt
from ovpo.sop.records.keys import of_score
from ovpo.sop.records.reading import row_of
from ovpo.sop.records.rows import Score, Video, VideoRole

ONE_GOLD_AT_ONCE: Final = "SELECT pg_advisory_xact_lock(hashtextextended('sop_tasks ' || %s || ' ' || %s, 0))"
"""Of two golds of a task that are deleted at once, the first would else hand the task to the second."""
RESTING: Final = """
SELECT count(*) FROM sop_scores AS s
WHERE s.state NOT IN ('failed', 'canceled')
      AND (s.gold_id = %(video)s OR s.wanted_gold_id = %(video)s
           OR (s.state <> 'finished' AND s.wanted_gold_id IS NULL
               AND EXISTS (SELECT FROM sop_tasks AS t WHERE t.task_id = s.task_id AND t.gold_id = %(video)s)))
"""
OF_VIDEO: Final = """
SELECT * FROM sop_scores WHERE trainee_id = %(video)s OR gold_id = %(video)s ORDER BY score_id FOR UPDATE
"""
"""A gold's are those that failed or were canceled while they were made anew: an earlier result of it lies there."""
CANCEL: Final = """
UPDATE sop_scores SET state = 'canceled', reason_code = 'video_deleted', updated_at = %(now)s,
    reason = 'The video was deleted; ask for a score of another.'
WHERE trainee_id = %(video)s AND state IN ('waiting', 'queued', 'started')
"""
MOVE: Final = """
UPDATE sop_scores SET result_key = %(result)s, report_key = NULL, updated_at = %(now)s WHERE score_id = %(score)s
"""
NEXT_GOLD: Final = """
UPDATE sop_tasks AS t SET updated_at = %(now)s, gold_id = (
    SELECT v.video_id FROM sop_videos AS v
    WHERE v.task_id = t.task_id AND v.role = 'gold' AND v.state = 'probed' AND v.video_id <> %(video)s
    ORDER BY v.registered_at, v.video_id LIMIT 1)
WHERE t.gold_id = %(video)s
"""
GONE: Final = """
UPDATE sop_videos
SET state = 'deleted', name = %(nobody)s, operator_id_hash = '', inbox_path = NULL, source_key = NULL,
    masked_key = NULL, thumbnail_key = NULL, probe = NULL, reason_code = NULL, reason = NULL, updated_at = %(now)s
WHERE video_id = %(video)s
"""
NOBODY: Final = "deleted"
"""What a video is called that is gone: its name may have been a person's."""


def delete(desk: Desk, request: Request, caller: Principal, video_id: str) -> None:
    """Remove a video; a gold that scores rest on is refused."""
    with desk.of(caller) as connection:
        video = videos_reading.one(connection, video_id)
        if video.role is VideoRole.GOLD:
            connection.execute(ONE_GOLD_AT_ONCE, (caller.tenant_id, video.task_id))
        video = videos_reading.held(connection, video_id)
        if video.role is VideoRole.GOLD:
            _refuse_while_rested_on(connection, video)
        values = {"video": video.video_id, "now": desk.now(), "nobody": NOBODY}
        scores = _scores(connection, video)
        connection.execute(CANCEL, values)
        connection.execute(NEXT_GOLD, values)
        forget(connection, desk.objects, video)
        results = {score.score_id: _moved(desk.objects, score, video.role) for score in scores}
        for score_id, result in results.items():
            connection.execute(MOVE, {"score": score_id, "result": result, "now": values["now"]})
        clear(desk.objects, caller.tenant_id, video.video_id)
        connection.execute(GONE, values)
        gone = Note(EventType.VIDEO_DELETED, "video", video_id)
        note(connection, request, caller, gone, task_id=video.task_id, role=video.role.value, scores=len(scores))
    for score in scores:
        if score.result_key is not None and score.result_key != results[score.score_id]:
            remove_attempt(desk.objects, prefix_of(score.result_key))


def _refuse_while_rested_on(connection: psycopg.Connection, video: Video) -> None:
    row = connection.execute(RESTING, {"video": video.video_id}).fetchone()
    if row is not None and (resting := int(row[0])):
        raise in_the_way(
            f"{resting} {'score rests' if resting == 1 else 'scores rest'} on this gold video; cancel those that are "
            "not finished, and keep it as long as the others are to be explained",
            field="video_id",
            scores=resting,
        )


def _scores(connection: psycopg.Connection, video: Video) -> list[Score]:
    with connection.cursor(row_factory=row_of(Score)) as cursor:
        return cursor.execute(OF_VIDEO, {"video": video.video_id}).fetchall()


def _moved(objects: ObjectStore, score: Score, role: VideoRole) -> str | None:
    """Remove all that was ever made of a score but what it came to; give the key of that without the video's name."""
    numbers = None if score.result_key is None else f"{prefix_of(score.result_key)}/{MATRIX}"
    for found in objects.list(f"{all_attempts_of(score.tenant_id, score.score_id)}/"):
        if found.key not in {score.result_key, numbers}:
            objects.delete(found.key)
    if score.result_key is None or numbers is None:
        return None
    try:
        # Read plainly, so that a result of another version is no obstacle.
        result = msgspec.json.decode(objects.get(score.result_key), type=dict[str, Any])
    except ObjectNotFoundError:
        return score.result_key
    match result.get(role.value):
        case {"name": str(), **facts}:
            result[role.value] = {**facts, "name": NOBODY}
    prefix = of_score(score.tenant_id, score.score_id, uuid4().hex)
    with suppress(ObjectNotFoundError):
        objects.put(f"{prefix}/{MATRIX}", objects.get(numbers))
    objects.put(f"{prefix}/{RESULT}", msgspec.json.encode(result) + b"\n")
    return f"{prefix}/{RESULT}"
