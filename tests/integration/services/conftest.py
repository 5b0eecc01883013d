# SPDX-License-Identifier: Apache-2.0
"""The query service as a process with two tenants' rows, for whoever sends it what it should refuse."""

from collections.abc import Iterator

import pytest

from ovpo.foundation.settings.tree import Settings
from tests.integration.query.conftest import generous
from tests.integration.services.hostile.ground import Ground, prepare
from tests.integration.services.hostile.served import QueryService, query_service

__all__ = ["generous"]


@pytest.fixture(scope="module")
def service(generous: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryService]:
    """The service, on a port of its own."""
    one = query_service(generous, tmp_path_factory.mktemp("query"))
    one.start()
    yield one
    one.kill()


@pytest.fixture(scope="module")
def ground(generous: Settings, service: QueryService) -> Ground:
    """The tenants and their rows."""
    return prepare(generous, service.port)
