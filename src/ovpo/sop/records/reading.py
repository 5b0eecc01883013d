# SPDX-License-Identifier: Apache-2.0
"""How a database row becomes one of the values of `rows`: by column name, enumerations and lists made what they are."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, Final, TypeVar

from psycopg import Cursor

from ovpo.sop.records.rows import (
    AdapterState,
    Score,
    ScoreState,
    StoredAdapter,
    StoredDefinition,
    StoredEmbedding,
    Video,
    VideoRole,
    VideoState,
)

Row = TypeVar("Row", Video, StoredEmbedding, StoredAdapter, StoredDefinition, Score)
Made = Callable[[Any], Any]
_MADE: Final[dict[type, dict[str, Made]]] = {
    Video: {"role": VideoRole, "state": VideoState},
    StoredAdapter: {"state": AdapterState, "trained_on": tuple},
    Score: {"state": ScoreState, "deviations": lambda given: None if given is None else tuple(given)},
}


def row_of(kind: type[Row]) -> Callable[[Cursor[Any]], Callable[[Sequence[Any]], Row]]:
    """Give the row factory that makes values of a kind; columns that it does not have are left out."""
    wanted = {field.name for field in fields(kind)}
    made = _MADE.get(kind, {})

    def factory(cursor: Cursor[Any]) -> Callable[[Sequence[Any]], Row]:
        columns = [column.name for column in cursor.description or ()]

        def make(values: Sequence[Any]) -> Row:
            named = {name: value for name, value in zip(columns, values, strict=True) if name in wanted}
            return kind(**{name: made[name](value) if name in made else value for name, value in named.items()})

        return make

    return factory
