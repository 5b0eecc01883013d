# SPDX-License-Identifier: Apache-2.0
"""The files under `.github` parse, and every workflow is bounded, read-only and calls make targets that exist."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
VERSIONED = re.compile(r"[\w.-]+/[\w./-]+@(?:v\d+(?:\.\d+)*|[0-9a-f]{40})")
MAKE_TARGET = re.compile(r"\bmake\s+([a-z][a-z-]*)")


def workflow_offences(text: str) -> list[str]:
    """Name what a workflow lacks to be bounded in time, rights and trust."""
    workflow: dict[str, Any] = yaml.safe_load(text)
    jobs: dict[str, dict[str, Any]] = workflow.get("jobs", {})
    offences = [] if jobs else ["has no jobs"]
    if workflow.get("permissions") != {"contents": "read"}:
        offences.append("permissions of the workflow are not exactly 'contents: read'")
    if "group" not in workflow.get("concurrency", {}):
        offences.append("has no concurrency group")
    for name, job in jobs.items():
        if not isinstance(job.get("timeout-minutes"), int):
            offences.append(f"job {name} has no timeout-minutes")
        for step in job.get("steps", []):
            offences += [f"job {name}: {offence}" for offence in action_offences(step)]
    return offences


def action_offences(step: dict[str, Any]) -> list[str]:
    """Name what is wrong with the action of a step."""
    action: str = step.get("uses", "")
    offences = []
    if action and not VERSIONED.fullmatch(action):
        offences.append(f"{action} is not pinned to a version or a commit")
    if action.startswith("actions/checkout@") and step.get("with", {}).get("persist-credentials") is not False:
        offences.append("checkout leaves credentials behind")
    return offences


def targets(makefile: str) -> set[str]:
    """Give the names that a Makefile can make."""
    rules = re.findall(r"^([a-z][\w-]*(?:[ \t]+[a-z][\w-]*)*)[ \t]*:(?!=)", makefile, re.MULTILINE)
    return {target for rule in rules for target in rule.split()}


@pytest.mark.parametrize("path", sorted((ROOT / ".github").rglob("*.yml")), ids=lambda path: path.name)
def test_a_file_of_the_repository_host_parses(path: Path) -> None:
    assert isinstance(yaml.safe_load(path.read_text()), dict)


def test_every_promised_workflow_is_there() -> None:
    assert {"audit", "lint", "sbom", "schemas", "secrets", "tests"} <= {path.stem for path in WORKFLOWS}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_bounded_in_time_rights_and_trust(path: Path) -> None:
    assert workflow_offences(path.read_text()) == []


@pytest.mark.parametrize(
    "path",
    [*WORKFLOWS, ROOT / "CONTRIBUTING.md", ROOT / ".github" / "PULL_REQUEST_TEMPLATE.md"],
    ids=lambda path: path.name,
)
def test_every_make_target_that_is_named_exists(path: Path) -> None:
    code = path.read_text() if path.suffix == ".yml" else " ".join(re.findall(r"`([^`]+)`", path.read_text()))
    assert set(MAKE_TARGET.findall(code)) <= targets((ROOT / "Makefile").read_text())


SOUND = """
on: push
permissions: {contents: read}
concurrency: {group: lint}
jobs:
  lint:
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@v6
        with: {persist-credentials: false}
      - run: make lint
"""


def test_a_sound_workflow_has_no_offences() -> None:
    assert workflow_offences(SOUND) == []


@pytest.mark.parametrize(
    ("sound", "planted", "offence"),
    [
        ("permissions: {contents: read}", "", "permissions of the workflow"),
        ("{contents: read}", "write-all", "permissions of the workflow"),
        ("concurrency: {group: lint}", "", "no concurrency group"),
        ("timeout-minutes: 5", "runs-on: ubuntu", "job lint has no timeout-minutes"),
        ("@v6", "@main", "actions/checkout@main is not pinned"),
        ("persist-credentials: false", "fetch-depth: 0", "checkout leaves credentials"),
    ],
)
def test_a_planted_offence_of_a_workflow_is_found(sound: str, planted: str, offence: str) -> None:
    offences = workflow_offences(SOUND.replace(sound, planted))
    assert len(offences) == 1
    assert offence in offences[0]


def test_the_targets_of_a_makefile_are_its_rules_and_not_its_variables() -> None:
    assert targets(".PHONY: x\nPY := python3\nlint: .venv\n\truff\nup down: .venv\n") == {"lint", "up", "down"}
