# SPDX-License-Identifier: Apache-2.0
"""The fonts of the report and which of them writes a character.

DejaVu Sans is embedded and writes Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew, Arabic and many signs. Chinese,
Japanese and Korean are written in the standard Asian fonts of PDF, which are named and not embedded: a reader has them
or replaces them. Characters of other scripts, Thai and those of India among them, print as an empty box each.
"""

from functools import cache
from typing import Final

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

from ovpo.sop.explain.fonts import dejavu, written

SANS: Final = "OvpoSans"
BOLD: Final = "OvpoSans-Bold"
JAPANESE: Final = "HeiseiKakuGo-W5"
CHINESE: Final = "STSong-Light"
KOREAN: Final = "HYGothic-Medium"
UNWRITTEN: Final = "\u25a1"


@cache
def register() -> None:
    """Make the fonts known to reportlab, once a process."""
    pdfmetrics.registerFont(TTFont(SANS, str(dejavu())))
    pdfmetrics.registerFont(TTFont(BOLD, str(dejavu(bold=True))))
    pdfmetrics.registerFontFamily(SANS, normal=SANS, bold=BOLD, italic=SANS, boldItalic=BOLD)
    for name in (JAPANESE, CHINESE, KOREAN):
        pdfmetrics.registerFont(UnicodeCIDFont(name))


def font_of(character: str, *, bold: bool, japanese: bool) -> str | None:
    """Choose the font that writes a character; None where no font does."""
    point = ord(character)
    if point in written(bold=bold):
        return BOLD if bold else SANS
    if _is_kana(point):
        return JAPANESE
    if 0x1100 <= point <= 0x11FF or 0x3130 <= point <= 0x318F or 0xAC00 <= point <= 0xD7A3:
        return KOREAN
    if 0x2E80 <= point <= 0x9FFF or 0xF900 <= point <= 0xFAFF or 0xFF00 <= point <= 0xFFEF:
        return JAPANESE if japanese else CHINESE
    return SANS if point in written() else None


def has_kana(text: str) -> bool:
    """Tell whether a text is Japanese, so that its Chinese characters are drawn as in Japan."""
    return any(_is_kana(ord(character)) for character in text)


def _is_kana(point: int) -> bool:
    return 0x3040 <= point <= 0x30FF or 0x31F0 <= point <= 0x31FF or 0xFF66 <= point <= 0xFF9F
