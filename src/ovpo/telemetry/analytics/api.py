# SPDX-License-Identifier: Apache-2.0
"""The analytics over HTTP. An answer is sent once its record stands in the audit chain of the tenant."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from psycopg_pool import ConnectionPool

from ovpo.foundation.auth import Principal
from ovpo.foundation.clickhouse.clients import ClientPool
from ovpo.foundation.http.access import Identify, require, utc_now
from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.permissions import Permission
from ovpo.foundation.postgres.connect import tenant_transaction
from ovpo.governance.audit import chain
from ovpo.governance.audit.events import EventType
from ovpo.governance.audit.http import actor
from ovpo.telemetry.analytics import costs, facts, quality, questions
from ovpo.telemetry.analytics.answers import BottlenecksAnswer, CostsAnswer, QualityAnswer, ThroughputAnswer
from ovpo.telemetry.analytics.pricing import Profiles
from ovpo.telemetry.analytics.questions import (
    LONGEST_WINDOW,
    BottlenecksQuestion,
    CostsQuestion,
    QualityQuestion,
    QuestionError,
    ThroughputQuestion,
    Window,
    Windowed,
    longest_by,
    told,
)

PATH: Final = "/v1/analytics"
_RESOURCE: Final = "analytics"


def router(
    pool: ConnectionPool,
    clients: ClientPool,
    identify: Identify,
    pricing: Profiles,
    *,
    now: Callable[[], datetime] = utc_now,
) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix=PATH, tags=["analytics"])
    Reader = Annotated[Principal, Depends(require(Permission.METRIC_READ, identify))]  # noqa: N806

    def record(request: Request, caller: Principal, endpoint: str, asked: Mapping[str, Any]) -> None:
        entry = actor(request, caller).entry(EventType.TRACE_QUERY, _RESOURCE, endpoint, filters=dict(asked))
        with tenant_transaction(pool, caller.tenant_id) as connection:
            chain.append(connection, caller.tenant_id, [entry])

    @routes.get("/bottlenecks")
    def get_bottlenecks(
        request: Request, caller: Reader, asked: Annotated[BottlenecksQuestion, Query()]
    ) -> BottlenecksAnswer:
        """Tell where the time of your traces goes: durations by kind of span. Answers within a second for 30 days."""
        as_of = now()
        window = _window(asked, as_of)
        with clients.lent() as client:
            found = facts.bottlenecks(client, caller.tenant_id, asked, window)
        record(request, caller, "bottlenecks", told(asked))
        return BottlenecksAnswer.of(found, asked.group_by, window, as_of)

    @routes.post("/costs/calculate")
    def calculate_costs(request: Request, caller: Reader, asked: CostsQuestion) -> CostsAnswer:
        """Price traces in compute units, span by span. A trace of another tenant is one that is not found."""
        as_of = now()
        profile = pricing.get(asked.pricing_profile)
        if profile is None:
            takes = f"takes one of {', '.join(sorted(pricing))}"
            raise _refused("body.pricing_profile", takes)
        with tenant_transaction(pool, caller.tenant_id) as connection:
            found = costs.price(connection, caller.tenant_id, asked.trace_ids, profile)
        record(request, caller, "costs/calculate", asked.model_dump(mode="json"))
        return CostsAnswer.of(found, asked.pricing_profile, profile, as_of)

    @routes.get("/quality")
    def get_quality(request: Request, caller: Reader, asked: Annotated[QualityQuestion, Query()]) -> QualityAnswer:
        """Show a quality metric over time, and where its level changed."""
        as_of = now()
        window = _window(asked, as_of, longest_by(asked.bucket)).in_hours
        with clients.lent() as client:
            found = quality.trend(client, caller.tenant_id, asked, window)
        record(request, caller, "quality", told(asked))
        return QualityAnswer.of(found, asked.metric, asked.bucket, window, as_of)

    @routes.get("/throughput")
    def get_throughput(
        request: Request, caller: Reader, asked: Annotated[ThroughputQuestion, Query()]
    ) -> ThroughputAnswer:
        """Count your traces by the hour or day: how they ended, what they made, how long they took."""
        as_of = now()
        window = _window(asked, as_of, longest_by(asked.bucket))
        with clients.lent() as client:
            whole, buckets = facts.throughput(client, caller.tenant_id, asked, window)
        record(request, caller, "throughput", told(asked))
        return ThroughputAnswer.of(whole, buckets, asked.bucket, window, as_of)

    return routes


def _window(asked: Windowed, now: datetime, longest: timedelta = LONGEST_WINDOW) -> Window:
    try:
        return questions.window(asked, now, longest)
    except QuestionError as error:
        raise _refused(f"query.{error.field}", error.takes) from error


def _refused(field: str, takes: str) -> ApiError:
    return ApiError(Code.INVALID_FORMAT, f"{field}: {takes}", details={"field": field})
