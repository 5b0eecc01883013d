# SPDX-License-Identifier: Apache-2.0
"""The routes of trends: how operators do by week, and which steps go wrong how often."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from ovpo.foundation.auth import Principal
from ovpo.foundation.http.access import require
from ovpo.foundation.permissions import Permission
from ovpo.governance.audit.events import EventType
from ovpo.sop.api import trends_reading
from ovpo.sop.api.desk import Desk, Note, note
from ovpo.sop.api.fields import Dated, Hash, Task


class StepQuestion(Dated):
    """Which scores are counted, by when they were finished."""

    task_id: Task | None = Field(None, description="The procedure")


class OperatorQuestion(StepQuestion):
    """Which scores are counted, and of whom."""

    operator_id_hash: Hash | None = Field(None, description="SHA-256 of the operator's id")


class OperatorWeek(BaseModel):
    """How an operator did at a procedure in a week."""

    operator_id_hash: str = Field(examples=["ab" * 32])
    week: datetime = Field(description="Its Monday (UTC)")
    task_id: str = Field(examples=["make-coffee"])
    scores: int = Field(description="Finished scores", examples=[12])
    mean_points: float | None = Field(description="Of those that could be judged", examples=[87.5])
    pass_share: float | None = Field(
        description="Of those that could be judged, with what reviewers said in place of the verdict", examples=[0.75]
    )


class OperatorTrend(BaseModel):
    """Operators by week, the newest week first."""

    weeks: list[OperatorWeek]


class StepCount(BaseModel):
    """How often a step went wrong; each count is of scores, not of deviations."""

    task_id: str = Field(examples=["make-coffee"])
    step: str = Field(examples=["close the lid"])
    scores: int = Field(description="Scores of the procedure that could be judged", examples=[40])
    affected: int = Field(description="Those of them in which this step has any deviation", examples=[9])
    missing: int = Field(examples=[3])
    swapped: int = Field(examples=[1])
    repeated: int = Field(examples=[0])
    over_time: int = Field(examples=[4])
    under_time: int = Field(examples=[0])
    deviating: int = Field(description="Done otherwise, or at another pace", examples=[2])


class StepTrend(BaseModel):
    """Steps with any deviation, those that went wrong most often first."""

    steps: list[StepCount]


def router(desk: Desk) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix="/v1/sop/trends", tags=["trends"])
    Reader = Annotated[Principal, Depends(require(Permission.SCORE_READ, desk.identify))]  # noqa: N806

    @routes.get("/operators")
    def get_operator_trend(
        request: Request, question: Annotated[OperatorQuestion, Query()], caller: Reader
    ) -> OperatorTrend:
        """Tell how operators do week by week. Nobody is named: an operator is a hash."""
        with desk.of(caller) as connection:
            rows = trends_reading.read(connection, trends_reading.OPERATORS, question.model_dump())
            said = Note(EventType.SCORE_QUERY, "trends", "operators")
            note(connection, request, caller, said, filters=sorted(question.model_fields_set), shown=len(rows))
        return OperatorTrend(weeks=[OperatorWeek.model_validate(row) for row in rows])

    @routes.get("/steps")
    def get_step_trend(request: Request, question: Annotated[StepQuestion, Query()], caller: Reader) -> StepTrend:
        """Tell which steps of procedures go wrong, and how often in which way."""
        with desk.of(caller) as connection:
            rows = trends_reading.read(connection, trends_reading.STEPS, question.model_dump())
            said = Note(EventType.SCORE_QUERY, "trends", "steps")
            note(connection, request, caller, said, filters=sorted(question.model_fields_set), shown=len(rows))
        return StepTrend(steps=[StepCount.model_validate(row) for row in rows])

    return routes
