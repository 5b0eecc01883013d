# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from ovpo.foundation.settings.tree import Settings
from tests.integration.sop.procedures.world import World


@pytest.fixture
def world(settings: Settings, tmp_path: Path) -> World:
    return World(settings, tmp_path)
