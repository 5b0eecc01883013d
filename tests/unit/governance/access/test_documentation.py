# SPDX-License-Identifier: Apache-2.0
"""The page about access says of each role and permission what the permission map says."""

import re
from pathlib import Path

from ovpo.foundation.auth import Role
from ovpo.foundation.permissions import LEAST_ROLE, Permission, allows
from ovpo.governance.access.retention import DEFAULTS

PAGE = (Path(__file__).parents[4] / "docs" / "access.md").read_text(encoding="utf-8")
ROLES = list(Role)


def rows(first: str) -> list[list[str]]:
    """Give the cells of the table whose head begins with this."""
    lines = PAGE.splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith(f"| {first} |"))
    table = []
    for line in lines[head:]:
        if not line.startswith("|"):
            break
        table.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return [table[0], *table[2:]]


def test_every_permission_has_a_least_role() -> None:
    assert set(LEAST_ROLE) == set(Permission)


def test_the_table_of_permissions_is_the_permission_map() -> None:
    head, *table = rows("permission")
    assert head[1:5] == [role.value for role in ROLES]
    assert {row[0]: [cell == "yes" for cell in row[1:5]] for row in table} == {
        permission.value: [allows(role, permission) for role in ROLES] for permission in Permission
    }


def test_the_table_of_retention_holds_the_defaults() -> None:
    head, *table = rows("data")
    stages = [f"{name}_days" for name in head[1:]]
    said = {
        row[0]: {stage: int(cell) for stage, cell in zip(stages, row[1:], strict=True) if re.fullmatch(r"\d+", cell)}
        for row in table
    }
    assert said == DEFAULTS
