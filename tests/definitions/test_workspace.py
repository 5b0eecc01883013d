# SPDX-License-Identifier: Apache-2.0
"""The two files that Dagster itself reads ask for no variable that the stack does not give, and name both locations."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ovpo.foundation.settings.tree import Settings
from ovpo.foundation.stack.home import Home
from ovpo.foundation.stack.parts.dagster import CPU, GPU, LOCATIONS, MODULES, environment

ROOT = Path(__file__).parents[2]


def read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    return loaded


def variables(tree: Any) -> Iterator[str]:
    """Find every `{env: NAME}` below a node."""
    if isinstance(tree, dict):
        if set(tree) == {"env"}:
            yield tree["env"]
        for branch in tree.values():
            yield from variables(branch)
    elif isinstance(tree, list):
        for branch in tree:
            yield from variables(branch)


@pytest.mark.parametrize("name", ["dagster.yaml", "workspace.yaml"])
def test_every_variable_that_is_asked_for_is_given_by_the_stack(name: str, tmp_path: Path) -> None:
    asked = set(variables(read(name)))
    assert asked
    assert asked <= set(environment(Settings(home=tmp_path), Home(tmp_path)))


def test_each_location_is_reached_at_the_port_of_its_own_server(tmp_path: Path) -> None:
    servers = [entry["grpc_server"] for entry in read("workspace.yaml")["load_from"]]
    ports = {server["location_name"]: server["port"]["env"] for server in servers}
    assert ports == {LOCATIONS[CPU]: "OVPO_DAGSTER__CPU_PORT", LOCATIONS[GPU]: "OVPO_DAGSTER__GPU_PORT"}
    assert MODULES == {CPU: "ovpo_assets.definitions", GPU: "ovpo_assets.gpu"}


def test_dagster_tells_nobody_about_itself() -> None:
    assert read("dagster.yaml")["telemetry"] == {"enabled": False}
