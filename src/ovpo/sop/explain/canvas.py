# SPDX-License-Identifier: Apache-2.0
"""A small drawing surface on Pillow: points of the finished picture in, smooth lines, patterns and text out."""

from collections.abc import Sequence
from io import BytesIO
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ovpo.sop.explain.fonts import dejavu
from ovpo.sop.explain.marks import Pattern

INK: Final = "#1f2933"
FAINT: Final = "#66727f"
RULE: Final = "#c9d1d9"
PAPER: Final = "#ffffff"
# Drawn at twice the size and averaged down: Pillow's own lines and polygons have hard edges.
_FINER: Final = 2
_PITCH: Final = 9 * _FINER

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
Across = Literal["l", "m", "r"]


class Canvas:
    """A white sheet; everything is measured in pixels of the picture that comes out."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._image = Image.new("RGB", (width * _FINER, height * _FINER), PAPER)
        self._draw = ImageDraw.Draw(self._image)
        self._fonts: dict[tuple[float, bool], ImageFont.FreeTypeFont] = {}

    def _font(self, size: float, bold: bool) -> ImageFont.FreeTypeFont:
        if (size, bold) not in self._fonts:
            self._fonts[size, bold] = ImageFont.truetype(str(dejavu(bold=bold)), round(size * _FINER))
        return self._fonts[size, bold]

    def text_width(self, text: str, size: float, *, bold: bool = False) -> float:
        """Tell how wide a text is."""
        return self._font(size, bold).getlength(text) / _FINER

    def fitted(self, text: str, size: float, width: float, *, bold: bool = False) -> str:
        """Cut a text with an ellipsis so that it fits; empty where not even that does."""
        if self.text_width(text, size, bold=bold) <= width:
            return text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self.text_width(text[:middle].rstrip() + "…", size, bold=bold) <= width:
                low = middle
            else:
                high = middle - 1
        return text[:low].rstrip() + "…" if low else ""

    def wrapped(self, text: str, size: float, width: float, most: int) -> list[str]:
        """Break a text into at most so many lines; the last is cut where there is more."""
        lines: list[str] = []
        rest = text.split(" ")
        while rest and len(lines) < most:
            taken = 1
            while taken < len(rest) and self.text_width(" ".join(rest[: taken + 1]), size) <= width:
                taken += 1
            if len(lines) == most - 1:
                taken = len(rest)
            lines.append(self.fitted(" ".join(rest[:taken]), size, width))
            rest = rest[taken:]
        return lines

    def text(
        self, at: Point, text: str, size: float, *, colour: str = INK, bold: bool = False, across: Across = "l"
    ) -> None:
        """Write a line whose middle line goes through a point."""
        where = (at[0] * _FINER, at[1] * _FINER)
        self._draw.text(where, text, fill=colour, font=self._font(size, bold), anchor=across + "m")

    def rectangle(self, box: Box, *, fill: str | None = None, outline: str | None = None, width: float = 1) -> None:
        """Draw a rectangle, outlined within its edges."""
        self._draw.rectangle(_inside(box), fill=fill, outline=outline, width=round(width * _FINER))

    def rounded(self, box: Box, radius: float, fill: str) -> None:
        """Draw a filled rectangle with round corners."""
        self._draw.rounded_rectangle(_inside(box), radius * _FINER, fill=fill)

    def line(self, points: Sequence[Point], colour: str, width: float = 1) -> None:
        """Draw through points."""
        self._draw.line(_finer(points), fill=colour, width=max(round(width * _FINER), 1), joint="curve")

    def disc(self, at: Point, radius: float, colour: str) -> None:
        """Draw a filled circle."""
        x, y = at
        self._draw.ellipse(
            [(x - radius) * _FINER, (y - radius) * _FINER, (x + radius) * _FINER, (y + radius) * _FINER], fill=colour
        )

    def polygon(self, points: Sequence[Point], colour: str, opacity: float = 1) -> None:
        """Fill a polygon, letting what is under it show through."""
        corners = _finer(points)
        left, top = (int(min(corner[axis] for corner in corners)) for axis in (0, 1))
        right, bottom = (int(max(corner[axis] for corner in corners)) + 1 for axis in (0, 1))
        mask = Image.new("L", (right - left + 1, bottom - top + 1), 0)
        ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in corners], fill=round(255 * opacity))
        self._image.paste(colour, (left, top), mask)

    def pattern(self, box: Box, pattern: Pattern, colour: str) -> None:
        """Fill a rectangle with a pattern on a light ground of its colour, and outline it."""
        left, top, right, bottom = _inside(box)
        width, height = right - left + 1, bottom - top + 1
        if pattern is Pattern.SOLID:
            self._draw.rectangle((left, top, right, bottom), fill=colour)
            return
        weight = np.where(_tile(pattern, width, height), 255, 46).astype(np.uint8)
        self._image.paste(PAPER, (left, top, right + 1, bottom + 1))
        self._image.paste(colour, (left, top), Image.fromarray(weight))
        self._draw.rectangle((left, top, right, bottom), outline=colour, width=round(1.5 * _FINER))

    def badge(self, at: Point, text: str, colour: str, size: float = 13) -> None:
        """Write white on a coloured plate around a point."""
        half = max(self.text_width(text, size, bold=True) / 2 + 5, size * 0.8)
        x, y = at
        self.rounded((x - half - 1.5, y - size * 0.8 - 1.5, x + half + 1.5, y + size * 0.8 + 1.5), 5, PAPER)
        self.rounded((x - half, y - size * 0.8, x + half, y + size * 0.8), 4, colour)
        self.text((x, y), text, size, colour=PAPER, bold=True, across="m")

    def picture(self, pixels: NDArray[np.uint8], box: Box, *, smooth: bool) -> None:
        """Fit a picture into a rectangle of the sheet."""
        left, top, right, bottom = _inside(box)
        size = (right - left + 1, bottom - top + 1)
        how = Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST
        self._image.paste(Image.fromarray(np.ascontiguousarray(pixels)).resize(size, how), (left, top))

    def png(self) -> bytes:
        """Give the finished picture."""
        file = BytesIO()
        self._image.resize((self.width, self.height), Image.Resampling.BOX).save(file, "PNG")
        return file.getvalue()


def _inside(box: Box) -> tuple[int, int, int, int]:
    left, top, right, bottom = (round(edge * _FINER) for edge in box)
    return left, top, max(right - 1, left), max(bottom - 1, top)


def _finer(points: Sequence[Point]) -> list[tuple[float, float]]:
    return [(x * _FINER, y * _FINER) for x, y in points]


def _tile(pattern: Pattern, width: int, height: int) -> NDArray[np.bool_]:
    y, x = np.mgrid[0:height, 0:width]
    thin = _PITCH // 4
    slashes, backslashes = (x + y) % _PITCH < thin, (x - y) % _PITCH < thin
    bars, lines = x % _PITCH < thin, y % _PITCH < thin
    found: dict[Pattern, NDArray[np.bool_]] = {
        Pattern.SLASHES: slashes,
        Pattern.BACKSLASHES: backslashes,
        Pattern.CROSSES: slashes | backslashes,
        Pattern.BARS: bars,
        Pattern.LINES: lines,
        Pattern.GRID: bars | lines,
        Pattern.DOTS: (x % _PITCH - _PITCH // 2) ** 2 + (y % _PITCH - _PITCH // 2) ** 2 < (_PITCH // 4) ** 2,
    }
    return found[pattern]
