# SPDX-License-Identifier: Apache-2.0
"""How a stored picture becomes one as a player shows it, at the size that is wanted: square pixels, upright, small."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, cast

import numpy as np
from av.buffer import Buffer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from ovpo.sop.video.samples import Picture

_STRANGEST_PIXEL: Final = 10
"""A pixel that is said to be longer than this by its width is a broken header."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A quarter turn or mirroring: rows and columns exchanged first, then left with right, then top with bottom."""

    transposed: bool = False
    across: bool = False
    down: bool = False

    @property
    def degrees(self) -> int:
        """By how much a player turns the picture, clockwise."""
        if self.transposed:
            return 90 if self.across else 270
        return 180 if self.down else 0

    @property
    def mirrored(self) -> bool:
        """Tell whether it shows writing backwards."""
        return (self.across != self.down) != self.transposed

    def apply(self, picture: Picture) -> Picture:
        """Turn a picture."""
        turned = picture.swapaxes(0, 1) if self.transposed else picture
        turned = turned[:, ::-1] if self.across else turned
        turned = turned[::-1] if self.down else turned
        return np.ascontiguousarray(turned)


_MATRIX_BYTES: Final = 36
_QUARTERS: Final = (
    Turn(),
    Turn(transposed=True, across=True),
    Turn(across=True, down=True),
    Turn(transposed=True, down=True),
)


def turn_of(matrix: bytes) -> Turn:
    """Read a display matrix, nine fixed-point numbers by rows; a slant is taken for the nearest quarter turn."""
    across_x, across_y, _, down_x, down_y, *_ = (int(number) for number in np.frombuffer(matrix, "<i4", 9))
    if abs(across_x) + abs(down_y) >= abs(across_y) + abs(down_x):
        return Turn(across=across_x < 0, down=down_y < 0)
    return Turn(transposed=True, across=down_x < 0, down=across_y < 0)


def turn_of_frame(frame: VideoFrame) -> Turn:
    """Read how a decoded picture is to be turned."""
    try:
        matrix = cast("Mapping[str, Buffer]", frame.side_data).get("DISPLAYMATRIX")
    except ValueError:
        # PyAV refuses to list side data of a kind that it does not know; the angle it gives all the same.
        return _QUARTERS[round(-frame.rotation / 90) % 4]
    return Turn() if matrix is None or matrix.buffer_size < _MATRIX_BYTES else turn_of(bytes(matrix))


def square(width: int, height: int, ratio: Fraction | None) -> tuple[int, int]:
    """Give the size at which a stored picture is shown, before it is turned, by its pixels' width to height."""
    if ratio is None or not Fraction(1, _STRANGEST_PIXEL) <= ratio <= _STRANGEST_PIXEL:
        return width, height
    return max(round(width * ratio), 1), height


def fitted(width: int, height: int, longest_side: int) -> tuple[int, int]:
    """Give the size whose longer side is as long as is wanted, or less: even, and not enlarged."""
    longest = max(width, height)
    if longest <= longest_side:
        return max(width // 2 * 2, 2), max(height // 2 * 2, 2)
    return _even(width * longest_side, longest), _even(height * longest_side, longest)


def _even(length: int, parts: int) -> int:
    return max((length + parts) // (2 * parts) * 2, 2)


class Shrinker:
    """Makes all pictures of a video the size of its first; what changes its shape midway gets black bars."""

    def __init__(self, first: VideoFrame, ratio: Fraction | None, longest_side: int) -> None:
        self.turn = turn_of_frame(first)
        self._ratio, self._stored = ratio, (first.width, first.height)
        shown = square(first.width, first.height, ratio)
        self._small = fitted(*shown, longest_side)
        # One for all pictures: it keeps its tables from one to the next.
        self._reformatter = VideoReformatter()

    def shrink(self, frame: VideoFrame) -> Picture:
        """Make the picture."""
        width, height = self._small
        if (frame.width, frame.height) == self._stored:
            return self.turn.apply(self._scaled(frame, width, height))
        shown_width, shown_height = square(frame.width, frame.height, self._ratio)
        scale = min(Fraction(width, shown_width), Fraction(height, shown_height))
        inner_width, inner_height = (
            min(max(round(side * scale), 2), most) for side, most in ((shown_width, width), (shown_height, height))
        )
        canvas = np.zeros((height, width, 3), np.uint8)
        left, top = (width - inner_width) // 2, (height - inner_height) // 2
        canvas[top : top + inner_height, left : left + inner_width] = self._scaled(frame, inner_width, inner_height)
        return self.turn.apply(canvas)

    def _scaled(self, frame: VideoFrame, width: int, height: int) -> Picture:
        small = self._reformatter.reformat(frame, width, height, "rgb24", interpolation="AREA")
        return np.asarray(small.to_ndarray(), np.uint8)
