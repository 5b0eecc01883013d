# SPDX-License-Identifier: Apache-2.0
"""Turns any text into the markup of a paragraph that prints as written and says nothing else."""

from itertools import groupby
from typing import Final
from xml.sax.saxutils import escape

from ovpo.sop.explain.wording import clean
from ovpo.sop.report.fonts import BOLD, SANS, UNWRITTEN, font_of, has_kana
from ovpo.sop.report.right_to_left import visual

NAME: Final = 160
"""The most characters of a name that are printed."""
SENTENCE: Final = 600
"""The most characters of a sentence that are printed."""


def printed(text: str, most: int, *, bold: bool = False) -> str:
    """Give markup for a text: cleaned, cut, escaped, each part in a font that can write it."""
    line = visual(clean(text, most))
    japanese = has_kana(line)
    usual = BOLD if bold else SANS

    def font(character: str) -> str | None:
        return font_of(character, bold=bold, japanese=japanese)

    parts: list[str] = []
    for name, characters in groupby(line, font):
        run = "".join(characters)
        if name is None:
            parts.append(UNWRITTEN * len(run))
        elif name == usual:
            parts.append(escape(run))
        else:
            parts.append(f'<font name="{name}">{escape(run)}</font>')
    return "".join(parts)
