# SPDX-License-Identifier: Apache-2.0
"""A picture with parts of it covered. Pure; of what lay there no more is left than a few mean colours, or nothing.

Blurring keeps every sum that it is made of, so a plain blur can be undone. Here both styles are made of the means of at
most eight by eight blocks, none of them small: pixelating shows these as they are, blurring draws slopes between them.
"""

from collections.abc import Sequence
from math import ceil, floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ovpo.sop.masking.masks import Mask, Style
from ovpo.sop.video.samples import Picture

MOST_BLOCKS: Final = 8
LEAST_BLOCK: Final = 16
"""Pixels of a block's side, so that a small rectangle is not kept pixel by pixel."""

Numbers = NDArray[np.float32]


def cover(picture: Picture, masks: Sequence[Mask]) -> Picture:
    """Give the picture with its masks painted, one after the other; the one that was given stays as it is."""
    painted = picture.copy()
    for mask in masks:
        rows, columns = place(mask, *picture.shape[:2])
        part = painted[rows, columns]
        match mask.style:
            case Style.BLACK:
                part[...] = 0
            case Style.PIXELATE:
                part[...] = _pixelated(part)
            case Style.BLUR:
                part[...] = _blurred(part)
    return painted


def place(mask: Mask, height: int, width: int) -> tuple[slice, slice]:
    """Tell which rows and columns a mask covers: every pixel that it touches, and whole pairs of them.

    Stored pictures keep one colour for two by two pixels; half a pair would carry covered colour out of the rectangle.
    """
    return _stretch(mask.y, mask.height, height), _stretch(mask.x, mask.width, width)


def _stretch(start: float, length: float, pixels: int) -> slice:
    first = min(floor(start * pixels) // 2 * 2, (pixels - 1) // 2 * 2)
    return slice(first, min(max(ceil((start + length) * pixels / 2) * 2, first + 2), pixels))


def _edges(pixels: int, longest: int) -> list[int]:
    """Tell where blocks begin along a side, and where the last ends; the longer side has the most blocks."""
    side = max(longest / MOST_BLOCKS, LEAST_BLOCK)
    blocks = max(floor(pixels / side), 1)
    return [round(pixels * block / blocks) for block in range(blocks + 1)]


def _means(part: Picture) -> tuple[Numbers, list[int], list[int]]:
    longest = max(part.shape[:2])
    rows, columns = _edges(part.shape[0], longest), _edges(part.shape[1], longest)
    sums = np.add.reduceat(np.add.reduceat(part, rows[:-1], 0, np.uint32), columns[:-1], 1)
    areas = np.diff(rows)[:, None, None] * np.diff(columns)[None, :, None]
    return (sums / areas).astype(np.float32), rows, columns


def _pixelated(part: Picture) -> Picture:
    means, rows, columns = _means(part)
    return _bytes(means.repeat(np.diff(rows), 0).repeat(np.diff(columns), 1))


def _blurred(part: Picture) -> Picture:
    means, rows, columns = _means(part)
    down, across = _slopes(rows), _slopes(columns)
    return _bytes(np.einsum("yr,rcn,xc->yxn", down, means, across, optimize=True))


def _slopes(edges: list[int]) -> Numbers:
    """Give each pixel its share of each block: all of it at a block's middle, and less on the way to the next."""
    starts = np.asarray(edges, np.float32)
    middles, pixels = (starts[:-1] + starts[1:]) / 2, np.arange(edges[-1], dtype=np.float32) + 0.5
    alone = np.eye(len(middles), dtype=np.float32)
    return np.stack([np.interp(pixels, middles, one) for one in alone], 1).astype(np.float32)


def _bytes(colours: Numbers) -> Picture:
    return np.clip(np.rint(colours), 0, 255).astype(np.uint8)
