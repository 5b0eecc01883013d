# SPDX-License-Identifier: Apache-2.0
"""Which role has which permission."""

from itertools import pairwise

import pytest

from ovpo.foundation.auth import Role
from ovpo.foundation.permissions import LEAST_ROLE, Permission, allows


def test_each_role_may_do_all_that_those_below_it_may() -> None:
    held = [{permission for permission in Permission if allows(role, permission)} for role in Role]
    assert all(below < above for below, above in pairwise(held))
    assert held[-1] == set(Permission)


@pytest.mark.parametrize("permission", Permission)
def test_a_viewer_writes_nothing_and_administers_nothing(permission: Permission) -> None:
    may = permission.value.endswith(":read") and permission is not Permission.AUDIT_READ
    assert allows(Role.VIEWER, permission) is may


def test_only_who_runs_the_platform_reaches_beyond_its_own_tenant() -> None:
    assert [permission for permission in Permission if LEAST_ROLE[permission] is Role.SUPER_ADMIN] == [
        Permission.ADMIN_TENANTS
    ]
