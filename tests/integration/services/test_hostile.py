# SPDX-License-Identifier: Apache-2.0
"""Some hundred of the hostile requests that `make test-long` sends ten thousand of: nothing foreign, nothing broken."""

import sys
from random import Random

import pytest

from ovpo.foundation.auth import Role
from tests.integration.services.hostile.assault import assault, require_quiet
from tests.integration.services.hostile.bare import converse, talks
from tests.integration.services.hostile.described import explore
from tests.integration.services.hostile.ground import Ground, Tenant
from tests.integration.services.hostile.judging import offences
from tests.integration.services.hostile.kinds import SHARES, drawn, live
from tests.integration.services.hostile.operations import operations
from tests.integration.services.hostile.requests import Request
from tests.integration.services.hostile.served import QueryService
from tests.integration.services.hostile.wire import Answer

SEED = 4
REQUESTS, FOLLOWED, TALKS, EXPLORED = 700, 30, 70, 3

HEADERS = ((b"content-type", b"application/json"), (b"x-request-id", b"r"), (b"x-content-type-options", b"nosniff"))
THEIRS = Tenant("their-name", "their-mark", {Role.ADMIN: "ovpo_sk_aaaaaaaa_their-secret"}, {"trace_id": ["their-id"]})
OURS = Tenant(
    "our-name", "our-mark", {Role.VIEWER: "ovpo_sk_bbbbbbbb_our-secret"}, {"trace_id": ["our-id"], "link": []}
)
PLANTED = Ground(0, OURS, THEIRS, Tenant("a-name", "a-mark", {}, {}), "decoy", "/srv/ovpo", ())
ERROR = '{"error": {"code": "NOT_FOUND", "message": "m", "request_id": "r"}}'


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/v1/traces", 500, ERROR.replace("NOT_FOUND", "INTERNAL_ERROR")),
        ("/v1/traces", 200, '{"a": "their-mark"}'),
        ("/v1/traces", 200, '{"a": "their-id"}'),
        ("/v1/traces", 200, '{"a": "th\\u0065ir-name"}'),
        ("/v1/audit/records", 200, '{"a": "their-mark"}'),
        ("/v1/keys", 200, '{"a": "their-secret"}'),
        ("/v1/traces/their-id", 200, "{}"),
        ("/v1/traces", 200, '{"a": "Traceback (most recent call last)"}'),
        ("/v1/traces", 200, '{"a": "/srv/ovpo/objects"}'),
        ("/v1/traces", 400, ERROR.replace('"m"', '"syntax error at or near x"')),
        ("/v1/traces", 400, '{"detail": "Not Found"}'),
        ("/v1/traces", 404, ERROR.replace('"r"', '"another"')),
        ("/v1/traces", 404, ERROR.replace("NOT_FOUND", "NO_CODE")),
    ],
)
def test_the_judge_sees_what_was_planted(path: str, status: int, body: str) -> None:
    request = Request("planted", "GET", path, Role.VIEWER)
    assert len(list(offences(PLANTED, request, Answer(status, HEADERS, body.encode())))) == 1


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/v1/traces", 200, '{"a": "our-mark our-id"}'),
        ("/v1/traces/their-id", 404, ERROR.replace('"m"', '"no trace their-id"')),
        ("/v1/views", 200, '{"a": "their-name"}'),
        ("/v1/traces?model=Traceback", 400, ERROR.replace('"m"', '"not Traceback"')),
    ],
)
def test_the_judge_lets_pass_what_is_the_callers_or_was_said_by_it(path: str, status: int, body: str) -> None:
    request = Request("planted", "GET", path, Role.VIEWER)
    assert list(offences(PLANTED, request, Answer(status, HEADERS, body.encode()))) == []


def test_hostile_requests_are_refused_without_a_fault_or_a_foreign_row(ground: Ground, service: QueryService) -> None:
    outcome = assault(ground, drawn(Random(SEED), ground, operations(), REQUESTS))
    sys.stdout.write(f"\n{outcome.table()}\n")
    outcome.require_clean()
    require_quiet(service)
    assert outcome.total >= REQUESTS
    assert {kind for kind, status in outcome.counts if status in {200, 201}} >= SHARES.keys() - {"methods", "cursors"}


def test_live_traces_are_followed_from_no_place_of_ones_choice(ground: Ground, service: QueryService) -> None:
    outcome = assault(ground, live(Random(SEED), ground, FOLLOWED))
    sys.stdout.write(f"\n{outcome.table()}\n")
    outcome.require_clean()
    assert outcome.counts["live", 200]
    require_quiet(service)


def test_bytes_that_are_no_request_break_nothing(ground: Ground, service: QueryService) -> None:
    outcome = converse(ground, talks(Random(SEED), ground, operations(), TALKS))
    sys.stdout.write(f"\n{outcome.table()}\n")
    outcome.require_clean()
    require_quiet(service)


def test_the_service_keeps_its_own_description(ground: Ground, service: QueryService) -> None:
    outcome = explore(ground, EXPLORED, SEED, (Role.VIEWER, Role.SUPER_ADMIN))
    sys.stdout.write(f"\n{outcome.table()}\n")
    outcome.require_clean()
    require_quiet(service)
