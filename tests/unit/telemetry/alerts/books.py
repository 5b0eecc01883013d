# SPDX-License-Identifier: Apache-2.0
"""Rules, readings and alerts as tests need them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import yaml

from ovpo.telemetry.alerts.life import Alert, Change, Reading, step
from ovpo.telemetry.alerts.rules import Rule

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def raw_rule(**fields: Any) -> dict[str, Any]:
    """Give a rule as a file has it; underscores at the end of a name are left out."""
    given = {
        "name": "failing",
        "description": "Too many traces fail.",
        "metric": "failure_rate",
        "window": "30m",
        "comparison": ">",
        "threshold": 0.2,
        "severity": "critical",
        **{name.rstrip("_"): value for name, value in fields.items()},
    }
    return {name: value for name, value in given.items() if value is not ...}


def a_rule(**fields: Any) -> Rule:
    return msgspec.convert(raw_rule(**fields), Rule)


def reading(value: float | None = 0.5, samples: int = 10, group: str = "", tenant: str = "demo") -> Reading:
    return Reading(tenant, group, value, samples)


def begun(rule: Rule, now: datetime = NOON, value: float = 0.5, group: str = "") -> Alert:
    """Begin an alert; it fires at once where the rule need not hold."""
    alert, change = step(None, rule, reading(value, group=group), now, uuid4())
    assert alert is not None
    assert change in {Change.BEGUN, Change.FIRED}
    return alert


def write(folder: Path, content: object) -> Path:
    """Write a rules file: a text as it is, anything else as YAML."""
    file = folder / "rules.yaml"
    file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return file
