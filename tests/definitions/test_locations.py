# SPDX-License-Identifier: Apache-2.0
"""Each location loads by itself, fast enough to be a run worker, and shows the face that was agreed on."""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import pytest

SPEC = importlib.util.spec_from_file_location("face", Path(__file__).with_name("face.py"))
assert SPEC is not None
assert SPEC.loader is not None
face = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(face)

# Every run worker, step pod and code server pays for what a location imports; great_expectations alone costs 7 s.
HEAVY = {"cupy", "dagster_gcp", "dagster_k8s", "google.cloud", "great_expectations", "kubernetes", "pandas", "torch"}
ACCEPTED = {
    "BetaWarning: Parameter `backfill_policy` of function `asset` is currently in beta",
    # Dagster's own way of reading a resource's fields; nothing of ours calls it.
    "PydanticDeprecatedSince20: The `__fields__` attribute is deprecated",
}
locations = pytest.mark.parametrize("location", face.LOCATIONS)


@cache
def seen(location: str) -> dict[str, Any]:
    """Look at a location once."""
    looked: dict[str, Any] = face.look_at(location)
    return looked


@locations
def test_a_location_loads_with_nothing_running_and_nothing_set_and_imports_nothing_heavy(location: str) -> None:
    assert HEAVY & set(seen(location)["modules"]) == set()


@locations
def test_the_public_face_of_the_graph_is_the_committed_one(location: str) -> None:
    picture = face.LOCATIONS[location]
    assert seen(location)["face"] == face.json.loads(picture.read_text(encoding="utf-8")), (
        "the graph looks different; if that was meant, run: python tests/definitions/face.py --write"
    )


@locations
def test_no_preview_or_deprecated_interface_is_used_and_no_beta_one_but_those_accepted(location: str) -> None:
    assert set(seen(location)["warnings"]) <= ACCEPTED


@locations
def test_every_asset_has_an_owner_a_sentence_a_freshness_policy_and_a_check(location: str) -> None:
    shown = seen(location)["face"]
    checked = {name.split(":")[0] for name in shown["checks"]}
    for key, asset in shown["assets"].items():
        assert asset["owners"], key
        assert asset["description"].endswith("."), key
        assert 1 <= len(asset["kinds"]) <= 2, key
        # A policy looks at what runs made; what others give us is theirs to check.
        assert bool(asset["freshness"]) == asset["made"], key
        assert key in checked or asset["group"] == "sources", key


def test_the_gpu_location_runs_its_steps_as_pods_where_the_setting_says_so() -> None:
    looked = face.look_at("ovpo_assets.gpu", OVPO_EXECUTOR="k8s")
    assert looked["face"] == {**seen("ovpo_assets.gpu")["face"], "executor": "k8s"}
    assert {"torch", "cupy", "pandas", "great_expectations"} & set(looked["modules"]) == set()


@locations
def test_one_switch_leaves_every_schedule_and_sensor_stopped(location: str) -> None:
    shown = face.look_at(location, OVPO_DAGSTER__AUTOMATION="false")["face"]
    started = [*shown["schedules"].values(), *shown["sensors"].values()]
    assert started
    assert {one["status"] for one in started} == {"STOPPED"}


def test_a_wrong_setting_stops_a_location_with_the_name_of_its_variable() -> None:
    with pytest.raises(RuntimeError, match="OVPO_EXECUTOR: got 'k9s'; takes one of in_process, k8s"):
        face.look_at("ovpo_assets.gpu", OVPO_EXECUTOR="k9s")
