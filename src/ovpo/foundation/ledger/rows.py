# SPDX-License-Identifier: Apache-2.0
"""How a database row becomes an item or a tally: by column name, so that a column added later disturbs nothing."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from psycopg import Cursor

from ovpo.foundation.ledger.items import Item, State, Tally

Row = TypeVar("Row", Item, Tally)


def item_row(cursor: Cursor[Any]) -> Callable[[Sequence[Any]], Item]:
    """Make items of a cursor's rows."""
    return _maker(cursor, Item)


def tally_row(cursor: Cursor[Any]) -> Callable[[Sequence[Any]], Tally]:
    """Make tallies of a cursor's rows."""
    return _maker(cursor, Tally)


def _maker(cursor: Cursor[Any], kind: type[Row]) -> Callable[[Sequence[Any]], Row]:
    wanted = {field.name for field in fields(kind)}
    columns = [column.name for column in cursor.description or ()]

    def make(values: Sequence[Any]) -> Row:
        named = {name: value for name, value in zip(columns, values, strict=True) if name in wanted}
        return kind(**(named | {"state": State(named["state"])}))

    return make
