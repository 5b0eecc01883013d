# SPDX-License-Identifier: Apache-2.0
"""Access as FastAPI dependencies: who calls, and whether its role suffices. The decision itself is made in `auth`."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Final

import structlog
from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ovpo.foundation.auth import AuthError, KeyStore, KeyStoreError, Principal, authenticate
from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.permissions import LEAST_ROLE, Permission, allows

Identify = Callable[..., Awaitable[Principal]]
_log: Final = structlog.stdlib.get_logger(__name__)
_RETRY_AFTER_SECONDS: Final = 2
_SCHEME: Final = HTTPBearer(auto_error=False, scheme_name="ApiKey", bearerFormat="ovpo_sk_<prefix>_<secret>")


def utc_now() -> datetime:
    """Give the present time."""
    return datetime.now(UTC)


def principal(
    store: KeyStore, now: Callable[[], datetime] = utc_now, used: Callable[[str], None] | None = None
) -> Identify:
    """Make the dependency that tells who calls: 401 for a key that is not good, 503 when the store cannot tell.

    `used` is told the prefix of each key that was good; it must not wait and not raise.
    """

    async def identify(
        request: Request, _shown_in_openapi: Annotated[HTTPAuthorizationCredentials | None, Security(_SCHEME)]
    ) -> Principal:
        try:
            found = await authenticate(request.headers.get("authorization"), store, now())
        except KeyStoreError as error:
            _log.warning("auth.store_unavailable", reason=str(error))
            raise ApiError(
                Code.SERVICE_UNAVAILABLE, "API keys cannot be checked now; try again", retry_after=_RETRY_AFTER_SECONDS
            ) from error
        if isinstance(found, AuthError):
            _log.info("auth.refused", refusal=found.refusal.value, key_prefix=found.key_prefix)
            raise ApiError(Code.UNAUTHORIZED, found.message)
        structlog.contextvars.bind_contextvars(tenant_id=found.tenant_id, key_prefix=found.key_prefix)
        if used is not None:
            used(found.key_prefix)
        return found

    return identify


def require(permission: Permission, identify: Identify) -> Identify:
    """Make the dependency that lets a caller pass whose role has this permission, and answers 403 to others."""

    async def allow(
        caller: Annotated[Principal, Depends(identify)],
        _shown_in_openapi: Annotated[HTTPAuthorizationCredentials | None, Security(_SCHEME, scopes=[permission.value])],
    ) -> Principal:
        if not allows(caller.role, permission):
            needed = LEAST_ROLE[permission].value
            _log.info("auth.forbidden", role=caller.role.value, permission=permission.value)
            raise ApiError(
                Code.FORBIDDEN,
                f"This needs {permission.value}, which the role {needed} has; your API key has {caller.role.value}",
                details={"permission": permission.value, "needed": needed, "role": caller.role.value},
            )
        return caller

    return allow
