# SPDX-License-Identifier: Apache-2.0
"""The way through the whole matrix: band by band forwards, then back along the directions.

Of the accumulated costs one row is held; the directions are held while they fit. Where they do not, the row before
every so many bands is kept instead, and going back these bands are done again: the same path for less than twice the
work.
"""

from typing import Final

import numpy as np

from ovpo.sop.dtw.directions import Directions, Lines, Path, Programme
from ovpo.sop.dtw.similarity import Similarity, product_height

HELD_BYTES: Final = 256 << 20
"""Room for directions: the compiled programme holds 32 768 x 32 768 cells in it."""

Band = tuple[int, int]


def cheapest_path(
    similarity: Similarity,
    programme: Programme,
    *,
    open_begin: bool = False,
    open_end: bool = False,
    held_bytes: int = HELD_BYTES,
) -> tuple[Path, float]:
    """Find the path and its total cost; open ends may leave out columns before and after, never rows."""
    height, width = similarity.height, similarity.width
    stretches = _stretches(height, width, programme, held_bytes)
    lines = np.empty((9, width + 1))
    lines[0] = 0 if open_begin else np.inf
    lines[0, 0] = 0
    starts: list[Lines] = []
    for stretch in stretches[:-1]:
        starts.append(lines[0].copy())
        _pass_over(similarity, programme, stretch, lines)
    held = _hold(similarity, programme, stretches[-1], lines)
    column = int(lines[0, 1:].argmin()) if open_end else width - 1
    total, row = float(lines[0, column + 1]), height - 1
    path: Path = np.empty((height + column, 2), np.int32)
    place = len(path)
    while True:
        stretch = stretches.pop()
        for (begin, _), directions in zip(reversed(stretch), reversed(held), strict=True):
            row, column, place = programme.trace(directions, begin, row, column, path, place)
        if row < 0:
            return path[place:], total
        lines[0] = starts.pop()
        held = _hold(similarity, programme, stretches[-1], lines)


def _stretches(height: int, width: int, programme: Programme, held_bytes: int) -> list[list[Band]]:
    """Cut the rows into bands, and these into stretches whose directions fit into the room for them."""
    rows = max(1, programme.cells // (product_height(width) * width)) * product_height(width)
    bands = [(begin, min(begin + rows, height)) for begin in range(0, height, rows)]
    count = max(1, held_bytes // int(np.prod(programme.shape(min(rows, height), width), dtype=np.int64)))
    return [bands[begin : begin + count] for begin in range(0, len(bands), count)]


def _pass_over(similarity: Similarity, programme: Programme, stretch: list[Band], lines: Lines) -> None:
    for band in stretch:
        _advance(similarity, programme, band, lines)


def _hold(similarity: Similarity, programme: Programme, stretch: list[Band], lines: Lines) -> list[Directions]:
    return [_advance(similarity, programme, band, lines) for band in stretch]


def _advance(similarity: Similarity, programme: Programme, band: Band, lines: Lines) -> Directions:
    begin, end = band
    directions = np.empty(programme.shape(end - begin, similarity.width), np.uint8)
    factors = similarity.row_factors[begin:end], similarity.column_factors
    programme.advance(similarity.band(begin, end), *factors, lines, directions)
    return directions
