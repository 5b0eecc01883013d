# SPDX-License-Identifier: Apache-2.0
"""Spans of time that are looked at together. A trace belongs to the moment at which it was first heard of, for good."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import polars as pl
from msgspec import Struct

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
MOMENT: Final = pl.Datetime("us", "UTC")
"""How every table of this package writes an instant."""
Columns = dict[str, pl.DataType | type[pl.DataType]]
"""The columns of a table, in their order."""
FRAMES_KEPT: Final = timedelta(days=180)
FACTS_KEPT: Final = timedelta(days=730)
"""How long ClickHouse keeps frame events and their hours, and facts; the tables' own definitions say so."""


class WindowGoneError(Exception):
    """The rows that a window was counted from have ended; the message says which and what to do."""


class Window(Struct, frozen=True):
    """From a moment to before another."""

    first: datetime
    end: datetime

    @property
    def bounds(self) -> dict[str, datetime]:
        """Give the bounds as parameters of a statement of PostgreSQL."""
        return {"first": self.first, "end": self.end}

    @property
    def utc(self) -> dict[str, str]:
        """Give the bounds as parameters of a statement of ClickHouse, whose client would spell them in another zone."""
        return {name: f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}" for name, moment in self.bounds.items()}

    def hours(self) -> Iterator["Window"]:
        """Cut it into hours, which bounds what one question to a store has to hold in memory."""
        first = self.first
        while first < self.end:
            end = min(first + HOUR, self.end)
            yield Window(first, end)
            first = end

    def must_be_kept(self, kept: timedelta, now: datetime) -> None:
        """Raise WindowGoneError where a store may have ended rows of the window: a table made now would lack them."""
        if self.first < now - kept + DAY:
            raise WindowGoneError(
                f"the rows of {self.first:%Y-%m-%d %H:%M} are kept for {kept.days} days and begin to end; what was"
                " counted of it stays as it is: leave such windows out of the backfill"
            )
