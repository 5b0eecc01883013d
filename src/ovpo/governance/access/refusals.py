# SPDX-License-Identifier: Apache-2.0
"""What the administration of tenants and keys refuses, and the one place that makes an HTTP error of it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import Any, Final

import psycopg
from psycopg_pool import ConnectionPool

from ovpo.foundation.http.errors import ApiError, Code
from ovpo.foundation.postgres.connect import transaction


class Refusal(Enum):
    """Why something is not done."""

    UNKNOWN = "unknown"
    ABOVE_CALLER = "above_caller"
    STATE = "state"
    VALUE = "value"


class RefusedError(Exception):
    """Raised where what was asked for is not done; nothing of it was."""

    def __init__(self, refusal: Refusal, message: str, **details: Any) -> None:
        super().__init__(message)
        self.refusal: Final = refusal
        self.details: Final[Mapping[str, Any]] = details


_CODES: Final[Mapping[Refusal, Code]] = {
    Refusal.UNKNOWN: Code.NOT_FOUND,
    Refusal.ABOVE_CALLER: Code.FORBIDDEN,
    Refusal.STATE: Code.CONFLICT,
    Refusal.VALUE: Code.INVALID_FORMAT,
}


@contextmanager
def governing(pool: ConnectionPool) -> Iterator[psycopg.Connection]:
    """Lend a transaction of the governing role; a refusal undoes it and is answered with its code."""
    try:
        with transaction(pool) as connection:
            yield connection
    except RefusedError as refused:
        code = _CODES[refused.refusal]
        raise ApiError(code, str(refused), details=refused.details or None) from refused
