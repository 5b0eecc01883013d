# SPDX-License-Identifier: Apache-2.0
"""The font that is drawn and printed with: DejaVu Sans, from the wheel of matplotlib, and what it can write."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ovpo.sop.errors import SopError


@cache
def dejavu(*, bold: bool = False) -> Path:
    """Find the font's file without importing the package that brings it."""
    found = find_spec("matplotlib")
    if found is None or found.origin is None:
        raise SopError("fonts_missing", "the pictures need the font DejaVu Sans of matplotlib; install matplotlib")
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / name
    if not path.is_file():
        raise SopError("fonts_missing", f"matplotlib has no {name} in mpl-data/fonts/ttf; install it from its wheel")
    return path


@cache
def written(*, bold: bool = False) -> frozenset[int]:
    """Tell which code points the font has a shape for."""
    from reportlab.pdfbase.ttfonts import TTFontFile

    return frozenset(TTFontFile(str(dejavu(bold=bold))).charToGlyph)


def can_write(text: str) -> bool:
    """Tell whether pictures can show all of a text, in regular as well as in bold."""
    return all(ord(character) in written() and ord(character) in written(bold=True) for character in text)
