# SPDX-License-Identifier: Apache-2.0
"""Ten thousand hostile requests, and thousands more made from the service's own description, counted by status."""

import sys
from random import Random

import pytest

from tests.integration.services.conftest import generous, ground, service
from tests.integration.services.hostile.assault import Outcome, assault, require_quiet
from tests.integration.services.hostile.bare import converse, talks
from tests.integration.services.hostile.described import explore
from tests.integration.services.hostile.ground import Ground
from tests.integration.services.hostile.kinds import SHARES, drawn, live
from tests.integration.services.hostile.operations import operations
from tests.integration.services.hostile.served import QueryService

__all__ = ["generous", "ground", "service"]
SEED = 20_261_121
REQUESTS, FOLLOWED, TALKS, EXPLORED = 10_000, 100, 500, 25


def require_clean(outcome: Outcome, service: QueryService) -> None:
    sys.stdout.write(f"\n{outcome.table()}\n")
    outcome.require_clean()
    require_quiet(service)


@pytest.mark.timeout(1800)
def test_ten_thousand_hostile_requests_meet_no_fault_and_no_foreign_row(ground: Ground, service: QueryService) -> None:
    outcome = assault(ground, drawn(Random(SEED), ground, operations(), REQUESTS))
    require_clean(outcome, service)
    assert outcome.total >= REQUESTS
    assert {kind for kind, status in outcome.counts if status == 200} >= SHARES.keys()


@pytest.mark.timeout(600)
def test_live_traces_are_followed_from_no_place_of_ones_choice(ground: Ground, service: QueryService) -> None:
    outcome = assault(ground, live(Random(SEED), ground, FOLLOWED))
    require_clean(outcome, service)
    assert outcome.counts["live", 200]


@pytest.mark.timeout(600)
def test_bytes_that_are_no_request_break_nothing(ground: Ground, service: QueryService) -> None:
    require_clean(converse(ground, talks(Random(SEED), ground, operations(), TALKS)), service)


@pytest.mark.timeout(1800)
def test_the_service_keeps_its_own_description_to_keys_of_every_role(ground: Ground, service: QueryService) -> None:
    require_clean(explore(ground, EXPLORED, SEED), service)
