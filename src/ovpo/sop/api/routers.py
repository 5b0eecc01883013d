# SPDX-License-Identifier: Apache-2.0
"""All routers of the SOP API, for whoever serves it."""

from fastapi import APIRouter

from ovpo.sop.api import (
    csv_api,
    definition_changes_api,
    definitions_api,
    neighbours_api,
    score_changes_api,
    score_files_api,
    scores_api,
    tasks_api,
    trainings_api,
    trends_api,
    video_files_api,
    videos_api,
)
from ovpo.sop.api.desk import Desk


def routers(desk: Desk) -> list[APIRouter]:
    """Make them."""
    return [
        videos_api.router(desk),
        video_files_api.router(desk),
        tasks_api.router(desk),
        csv_api.router(desk),
        scores_api.router(desk),
        score_changes_api.router(desk),
        score_files_api.router(desk),
        neighbours_api.router(desk),
        definitions_api.router(desk),
        definition_changes_api.router(desk),
        trainings_api.router(desk),
        trends_api.router(desk),
    ]
