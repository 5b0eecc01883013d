# SPDX-License-Identifier: Apache-2.0
"""The pinned set: `constraints.txt` holds exact versions only, one for everything that `pyproject.toml` asks for."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[3]
OURS = {"ovpo", "ovpo-sdk"}
PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9.!+]+)")


def pins(text: str) -> dict[str, str]:
    """Read name and version of each line; comments and empty lines are not lines, anything else is an error."""
    versions: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        pin = PIN.fullmatch(line)
        if pin is None:
            raise ValueError(f"line {number} is not name==version: {line}")
        name = canonicalize_name(pin["name"])
        if name in versions:
            raise ValueError(f"line {number} pins {name} a second time")
        versions[name] = pin["version"]
    return versions


def unmet(project: dict[str, Any], pinned: dict[str, str]) -> list[str]:
    """Name each requirement of a project, its extras included, that the pins lack or contradict."""
    texts = [*project["dependencies"], *(text for extra in project["optional-dependencies"].values() for text in extra)]
    asked = [requirement for text in texts if (requirement := Requirement(text)).name not in OURS]
    return [
        f"{requirement}: {pinned.get(canonicalize_name(requirement.name), 'not pinned')}"
        for requirement in asked
        if (version := pinned.get(canonicalize_name(requirement.name))) is None
        or not requirement.specifier.contains(version, prereleases=True)
    ]


def test_the_constraints_pin_every_requirement_of_the_project() -> None:
    pinned = pins((ROOT / "constraints.txt").read_text())
    for folder in (ROOT, ROOT / "sdk" / "python"):
        missing = unmet(tomllib.loads((folder / "pyproject.toml").read_text())["project"], pinned)
        assert not missing, "\n".join(missing)


def test_the_tools_of_the_workflows_are_pinned() -> None:
    tools = pins((ROOT / ".github" / "requirements.txt").read_text())
    workflows = "\n".join(path.read_text() for path in (ROOT / ".github" / "workflows").glob("*.yml"))
    assert set(re.findall(r"--constraint \.github/requirements\.txt (\S+)", workflows)) == set(tools)


@pytest.mark.parametrize(
    "line",
    ["a>=1", "a", "a==1.*", "a[x]==1", "a==1 ; python_version<'3.12'", "-e .", "--hash=sha256:0", "a @ file:///a.whl"],
)
def test_a_line_that_is_no_exact_pin_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="line 2 is not name==version"):
        pins(f"# pinned\n{line}\n")


def test_a_name_that_is_pinned_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="line 2 pins a-b a second time"):
        pins("A_b==1\na-b==2\n")


def test_a_requirement_that_is_missing_or_contradicted_is_named() -> None:
    project = {
        "name": "ovpo",
        "dependencies": ["held[extra]>=1", "Con_tradicted<2"],
        "optional-dependencies": {"dev": ["ovpo[gpu]"], "gpu": ["missing"]},
    }
    offences = unmet(project, pins("held==1.0\ncon-tradicted==2.0\n"))
    assert offences == ["Con_tradicted<2: 2.0", "missing: not pinned"]
