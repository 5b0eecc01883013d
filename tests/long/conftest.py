# SPDX-License-Identifier: Apache-2.0
"""Tests that take minutes: they run when this folder or a file in it is named, and not with all the others."""

from pathlib import Path

import pytest

from tests.integration.collector.conftest import collector, start

__all__ = ["collector", "start"]
HERE = Path(__file__).parent


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Leave the folder out unless the command line names it."""
    named = [(config.invocation_params.dir / name.partition("::")[0]).resolve() for name in config.args]
    return None if any(path.is_relative_to(HERE) for path in named) else True
