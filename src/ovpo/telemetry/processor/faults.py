# SPDX-License-Identifier: Apache-2.0
"""How the stores fail, as the processor sees it: not now, or not this. Everything else is a fault of ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Final

import psycopg

from ovpo.foundation.clickhouse.connect import ClickHouseUnavailableError, DatabaseError
from ovpo.foundation.unavailable import StoreUnavailableError

# What ClickHouse answers when it cannot read or hold what it was given: parsing, conversion, ranges.
_UNREADABLE: Final = frozenset({6, 25, 26, 27, 32, 33, 38, 41, 53, 69, 70, 72, 117, 131, 321, 349, 376, 407})


class Backend(StrEnum):
    """A store that the processor writes to."""

    POSTGRES = "postgres"
    CLICKHOUSE = "clickhouse"


class ItemRefusedError(Exception):
    """A store will never take what it was given; the message names the store and its reason, and holds no data."""


@contextmanager
def of_postgres() -> Iterator[None]:
    """Tell data that PostgreSQL refuses from a PostgreSQL that is away."""
    try:
        yield
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        reason = error.diag.message_primary or type(error).__name__
        raise ItemRefusedError(f"PostgreSQL refuses an item: {error.sqlstate}: {reason}") from error


@contextmanager
def of_clickhouse() -> Iterator[None]:
    """Tell data that ClickHouse refuses from a ClickHouse that is away, full or overloaded."""
    try:
        yield
    except DatabaseError as error:
        if error.code in _UNREADABLE:
            raise ItemRefusedError(f"ClickHouse refuses an item: {error.code} {error.name}") from error
        raise ClickHouseUnavailableError(f"ClickHouse cannot write now: {error.code} {error.name}") from error


def backend_of(error: StoreUnavailableError | ItemRefusedError) -> Backend:
    """Tell which store it was."""
    return Backend.CLICKHOUSE if "ClickHouse" in str(error) else Backend.POSTGRES
