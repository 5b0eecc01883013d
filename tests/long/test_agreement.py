# SPDX-License-Identifier: Apache-2.0
"""The collector and `ovpo schema validate` never disagree: twenty times the payloads, other ones at every run."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from ovpo.foundation.settings import tree
from tests.integration.collector.agreement import Bench, opened
from tests.integration.collector.conftest import Collector
from tests.integration.collector.payloads import bodies
from tests.integration.collector.test_agreement import PAYLOADS_DRAWN


@pytest.fixture(scope="module")
def bench(collector: Collector, settings: tree.Settings) -> Iterator[Bench]:
    with opened(collector, settings) as made:
        yield made


@pytest.mark.timeout(3600)
@given(bodies)
@settings(deadline=None, max_examples=20 * PAYLOADS_DRAWN, print_blob=True, suppress_health_check=list(HealthCheck))
def test_no_payload_of_many_divides_the_collector_and_the_command(bench: Bench, body: bytes) -> None:
    collector, command = bench.both(body)
    assert collector == command
