# SPDX-License-Identifier: Apache-2.0
"""Many values at once: random ids and digests, choices, instants, JSON put together column by column.

Nothing here knows what they are of.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

Moments = NDArray[np.int64]
"""Microseconds since 1970, or how many they are."""
_DIGITS = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_HYPHENS = (8, 13, 18, 23)
_PLACES = [place for place in range(36) if place not in _HYPHENS]


def uuids(numbers: np.random.Generator, count: int) -> tuple[pl.Series, NDArray[np.uint64]]:
    """Give random ids (version 4) and their second halves, by which ClickHouse orders them."""
    raw = numbers.integers(0, 256, (count, 16), dtype=np.uint8)
    raw[:, 6] = raw[:, 6] & 0x0F | 0x40
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    text = np.full((count, 36), ord("-"), dtype=np.uint8)
    text[:, _PLACES] = _hexadecimal(raw)
    return _lines(text), raw[:, 8:].copy().view(">u8").ravel().astype(np.uint64)


def digests(numbers: np.random.Generator, count: int, size: int) -> pl.Series:
    """Give random hexadecimal texts of so many bytes."""
    return _lines(_hexadecimal(numbers.integers(0, 256, (count, size), dtype=np.uint8)))


def chosen(numbers: np.random.Generator, count: int, shares: dict[str, float]) -> pl.Series:
    """Give one of the names so many times, each in its share."""
    weights = np.array(list(shares.values()))
    places = numbers.choice(len(weights), count, p=weights / weights.sum())
    return pl.Series(list(shares)).gather(places)


def chosen_mostly_first(numbers: np.random.Generator, count: int, names: tuple[str, ...]) -> pl.Series:
    """Give one of the names so many times, the second half as often as the first, the third a third as often."""
    return chosen(numbers, count, {name: 1 / place for place, name in enumerate(names, start=1)})


def instants(moments: Moments) -> pl.Series:
    """Give microseconds as instants."""
    return pl.Series(moments).cast(pl.Datetime("us", "UTC"))


def json_object(**members: pl.Expr) -> pl.Expr:
    """Write a JSON object without the members that are null; numbers and texts that need no escape only."""
    written = [pl.format('"{}":{}', pl.lit(name), member) for name, member in members.items()]
    return pl.concat_str([pl.lit("{"), pl.concat_str(written, separator=",", ignore_nulls=True), pl.lit("}")])


def quoted(member: pl.Expr) -> pl.Expr:
    """Write a text as JSON does."""
    return pl.format('"{}"', member)


def _hexadecimal(raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
    digits = np.empty((raw.shape[0], raw.shape[1] * 2), dtype=np.uint8)
    digits[:, 0::2] = _DIGITS[raw >> 4]
    digits[:, 1::2] = _DIGITS[raw & 15]
    return digits


def _lines(text: NDArray[np.uint8]) -> pl.Series:
    width, whole = text.shape[1], text.tobytes().decode("ascii")
    return pl.Series([whole[place : place + width] for place in range(0, len(whole), width)], dtype=pl.String)
