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
_UNREADABLE: Final = frozenset({6, 25, 26, 27, 32, 33, 38, 41, 53, 69, 70, 72, 117, 131, 321, 349, 376, 407, 691})
# What it answers when it is overloaded, full, read-only, starting, or not what it should be: limits of time and memory,
# files, tables that are not there, logins, replicas.
_NOT_NOW: Final = frozenset(
    {60, 74, 75, 76, 81, 159, 160, 164, 173, 198, 202, 203, 209, 210, 236, 241, 242, 243, 252, 279, 285, 319, 394, 425}
    | {439, 516, 745, 999}
)


class Backend(StrEnum):
    """A store that the processor writes to."""

    POSTGRES = "postgres"
    CLICKHOUSE = "clickhouse"


_NAMES: Final = {Backend.POSTGRES: "PostgreSQL", Backend.CLICKHOUSE: "ClickHouse"}


class ItemRefusedError(Exception):
    """A store will never take what it was given; the message names the store and its reason, and holds no data."""

    def __init__(self, backend: Backend, reason: str) -> None:
        super().__init__(f"{_NAMES[backend]} refuses an item: {reason}")
        self.backend = backend


@contextmanager
def of_postgres() -> Iterator[None]:
    """Tell data that PostgreSQL refuses from a PostgreSQL that is away."""
    try:
        yield
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        # Its own message may quote the value that it refuses.
        where = [name for name in (error.diag.table_name, error.diag.column_name, error.diag.constraint_name) if name]
        said = f"{error.sqlstate or 'no SQLSTATE'} {type(error).__name__} {' '.join(where)}"
        raise ItemRefusedError(Backend.POSTGRES, said.rstrip()) from error


@contextmanager
def of_clickhouse() -> Iterator[None]:
    """Tell data that ClickHouse refuses from a ClickHouse that is away or overloaded; let pass what may be either."""
    try:
        yield
    except DatabaseError as error:
        if error.code in _UNREADABLE:
            raise ItemRefusedError(Backend.CLICKHOUSE, f"{error.code} {error.name}") from error
        if error.code is None or error.code in _NOT_NOW:
            raise ClickHouseUnavailableError(f"ClickHouse cannot do it now: {error.code} {error.name}") from error
        raise


def backend_of(error: StoreUnavailableError) -> Backend:
    """Tell which store is away."""
    return Backend.CLICKHOUSE if isinstance(error, ClickHouseUnavailableError) else Backend.POSTGRES
