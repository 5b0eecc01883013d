# SPDX-License-Identifier: Apache-2.0
"""Spans of time as a rules file spells them: a whole number and a unit, `15m`. Pure."""

from datetime import timedelta
from typing import Annotated, Final

from msgspec import Meta

UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
Span = Annotated[str, Meta(pattern=r"\A(0|[1-9][0-9]{0,5})[smhd]\Z")]


def span(text: str) -> timedelta:
    """Read a span of time."""
    return int(text[:-1]) * UNITS[text[-1]]
