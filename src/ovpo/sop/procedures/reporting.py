# SPDX-License-Identifier: Apache-2.0
"""Writes the reports of finished scores, beside their results, several at once.

A result gives the same report each time, so that a run that is repeated, or two at once, write the same.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog

from ovpo.foundation.unavailable import StoreUnavailableError
from ovpo.sop.procedures.inputs import videos_of
from ovpo.sop.procedures.keeping import prefix_of, remove_attempt
from ovpo.sop.records.rows import Score
from ovpo.sop.records.scores import Scores
from ovpo.sop.working import Hours, Worked, Workplace

_log: Final = structlog.stdlib.get_logger(__name__)


def report(place: Workplace, hours: Hours) -> Worked:
    """Write the reports that the finished scores of windows lack; one that fails keeps none of the others."""
    with place.transaction() as connection:
        lacking = Scores(connection).without_report(hours)
    if not lacking:
        return Worked()
    with ThreadPoolExecutor(place.settings.sop.workers, thread_name_prefix="report") as pool:
        done = list(pool.map(lambda score: _reported(place, score), lacking))
    return Worked(finished=done.count(True), failed=done.count(False))


def _reported(place: Workplace, score: Score) -> bool | None:
    """Write one report; False if that failed, None if the score was made anew or its report written meanwhile."""
    from ovpo.sop.procedures.drawing import draw

    if score.result_key is None or score.gold_id is None:
        return None
    try:
        with place.transaction() as connection:
            videos = videos_of(connection, score.tenant_id, score.gold_id, score.trainee_id)
        key = draw(place.copies, score.result_key, videos.get(score.gold_id), videos.get(score.trainee_id))
        with place.transaction() as connection:
            kept = Scores(connection).reported(score, key, place.now())
    except StoreUnavailableError:
        raise
    except Exception:  # noqa: BLE001 - one bad report must not keep the others of its window from theirs
        _log.exception("sop.report_failed", score_id=str(score.score_id))
        return False
    if not kept:
        remove_attempt(place.objects, prefix_of(key))
    return True if kept else None
