# SPDX-License-Identifier: Apache-2.0
"""The compliance suite under pytest: with `--ovpo-pipeline module:function` each check is a test with its own message.

The tests stand beside whatever else is collected; `-k ovpo-compliance` runs them alone. Without the option nothing
happens, and the suite is not even imported. What the tests do is in `pytest_items`.
"""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("ovpo", "telemetry of video pipelines")
    group.addoption(
        "--ovpo-pipeline",
        metavar="MODULE:FUNCTION",
        help="Test whether this pipeline sends its telemetry as it should.",
    )
    group.addoption(
        "--ovpo-seconds",
        type=float,
        metavar="N",
        help="How long the checks of overhead and of memory may measure, each; 60 unless given.",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put a test for each check beside those that were collected; first, so that `-k` chooses among them, too."""
    target = config.getoption("--ovpo-pipeline")
    if target is not None:
        from ovpo_sdk.testing.pytest_items import compliance_items

        items.extend(compliance_items(session, target, config.getoption("--ovpo-seconds")))
