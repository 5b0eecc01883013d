# SPDX-License-Identifier: Apache-2.0
"""The permission map: what there is to be allowed, and which role may do it. Nothing else decides this. Pure."""

from enum import StrEnum
from typing import Final

from ovpo.foundation.auth import Role


class Permission(StrEnum):
    """One thing that a key may be allowed to do, for its own tenant unless it says otherwise."""

    TRACE_READ = "trace:read"
    TRACE_WRITE = "trace:write"
    METRIC_READ = "metric:read"
    ARTIFACT_READ = "artifact:read"
    VIDEO_READ = "video:read"
    VIDEO_WRITE = "video:write"
    VIDEO_ORIGINAL = "video:original"
    """Videos as they came, where masks are configured."""
    SCORE_READ = "score:read"
    SCORE_RUN = "score:run"
    SCORE_REVIEW = "score:review"
    DEFINITION_READ = "definition:read"
    DEFINITION_WRITE = "definition:write"
    TRAINING_RUN = "training:run"
    JOB_CREATE = "job:create"
    JOB_READ = "job:read"
    JOB_CANCEL = "job:cancel"
    ALERT_READ = "alert:read"
    AUDIT_READ = "audit:read"
    PLATFORM_INSPECT = "platform:inspect"
    ADMIN_DELETE = "admin:delete"
    ADMIN_KEYS = "admin:keys"
    ADMIN_HOLD = "admin:hold"
    ADMIN_TENANTS = "admin:tenants"
    """Every tenant, not only one's own."""


LEAST_ROLE: Final[dict[Permission, Role]] = {
    Permission.TRACE_READ: Role.VIEWER,
    Permission.METRIC_READ: Role.VIEWER,
    Permission.ARTIFACT_READ: Role.VIEWER,
    Permission.VIDEO_READ: Role.VIEWER,
    Permission.SCORE_READ: Role.VIEWER,
    Permission.DEFINITION_READ: Role.VIEWER,
    Permission.JOB_READ: Role.VIEWER,
    Permission.ALERT_READ: Role.VIEWER,
    Permission.TRACE_WRITE: Role.DEVELOPER,
    Permission.VIDEO_WRITE: Role.DEVELOPER,
    Permission.SCORE_RUN: Role.DEVELOPER,
    Permission.SCORE_REVIEW: Role.DEVELOPER,
    Permission.DEFINITION_WRITE: Role.DEVELOPER,
    Permission.TRAINING_RUN: Role.DEVELOPER,
    Permission.JOB_CREATE: Role.DEVELOPER,
    Permission.JOB_CANCEL: Role.DEVELOPER,
    Permission.VIDEO_ORIGINAL: Role.ADMIN,
    Permission.AUDIT_READ: Role.ADMIN,
    Permission.PLATFORM_INSPECT: Role.ADMIN,
    Permission.ADMIN_DELETE: Role.ADMIN,
    Permission.ADMIN_KEYS: Role.ADMIN,
    Permission.ADMIN_HOLD: Role.ADMIN,
    Permission.ADMIN_TENANTS: Role.SUPER_ADMIN,
}
"""The weakest role that has each permission; the roles above it have it too."""


def allows(role: Role, permission: Permission) -> bool:
    """Tell whether a role has a permission."""
    return role >= LEAST_ROLE[permission]
