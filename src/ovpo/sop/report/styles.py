# SPDX-License-Identifier: Apache-2.0
"""How the report looks: paper, colours, paragraph and table styles, and the few shapes that are drawn."""

from collections.abc import Sequence
from typing import Final

from reportlab.graphics.shapes import Drawing, Rect, String
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_CENTER, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import CondPageBreak, Flowable, Paragraph, Table, TableStyle

from ovpo.sop.report.fonts import BOLD, SANS
from ovpo.sop.report.text import printed

PAGE: Final = A4
MARGIN: Final = 16 * mm
WIDTH: Final[float] = A4[0] - 2 * MARGIN

INK: Final = HexColor("#1f2933")
FAINT: Final = HexColor("#5b6672")
RULE: Final = HexColor("#c9d1d9")
GROUND: Final = HexColor("#f2f4f6")
WHITE: Final = HexColor("#ffffff")
GOOD: Final = HexColor("#1b7f4b")

BODY: Final = ParagraphStyle("body", fontName=SANS, fontSize=9, leading=12.5, textColor=INK, splitLongWords=1)
SMALL: Final = ParagraphStyle("small", parent=BODY, fontSize=7.5, leading=10)
QUIET: Final = ParagraphStyle("quiet", parent=SMALL, textColor=FAINT)
RIGHT: Final = ParagraphStyle("right", parent=SMALL, alignment=TA_RIGHT)
HEAD: Final = ParagraphStyle("head", parent=SMALL, fontName=BOLD, textColor=FAINT)
HEAD_RIGHT: Final = ParagraphStyle("head right", parent=HEAD, alignment=TA_RIGHT)
STRONG: Final = ParagraphStyle("strong", parent=BODY, fontName=BOLD)
SECTION: Final = ParagraphStyle(
    "section", parent=BODY, fontName=BOLD, fontSize=12.5, leading=16, spaceBefore=12, spaceAfter=5
)
TITLE: Final = ParagraphStyle("title", parent=BODY, fontName=BOLD, fontSize=17, leading=21)
REASON: Final = ParagraphStyle("reason", parent=BODY, fontSize=10, leading=14, leftIndent=11, bulletIndent=1)
CENTRED: Final = ParagraphStyle("centred", parent=SMALL, textColor=FAINT, alignment=TA_CENTER)


def words(text: str, most: int, style: ParagraphStyle) -> Paragraph:
    """Make a paragraph of a text that anyone may have written."""
    return Paragraph(printed(text, most, bold=style.fontName == BOLD), style)


def section(title: str, least: float = 34 * mm) -> list[Flowable]:
    """Make the heading of a part of the report, on a page that has room for `least` of it."""
    return [CondPageBreak(least), words(title, 80, SECTION)]


def table(rows: Sequence[Sequence[Flowable | str]], widths: Sequence[float], *, shaded: Sequence[int] = ()) -> Table:
    """Make a table with a ruled head that comes again on each page; `shaded` rows, the head being 0, stand out."""
    made = Table([list(row) for row in rows], colWidths=list(widths), repeatRows=1, hAlign="LEFT")
    made.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, FAINT),
                ("LINEBELOW", (0, 1), (-1, -1), 0.4, RULE),
                ("TOPPADDING", (0, 0), (-1, -1), 2.6),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2.6),
                ("LEFTPADDING", (0, 0), (-1, -1), 4),
                ("RIGHTPADDING", (0, 0), (-1, -1), 4),
                *(("BACKGROUND", (0, row), (-1, row), GROUND) for row in shaded),
            ]
        )
    )
    return made


def filled(x: float, y: float, width: float, height: float, colour: Color, radius: float = 0) -> Rect:
    """Give a rectangle without an outline."""
    shape = Rect(x, y, width, height, rx=radius, ry=radius)
    shape.fillColor = colour
    shape.strokeColor = None
    return shape


def badge(text: str, colour: str, size: float = 8.5) -> Drawing:
    """Draw the plate that a deviation has in the pictures, so that the eye finds it again."""
    width = stringWidth(text, BOLD, size) + 8
    height = size + 6
    drawing = Drawing(width, height)
    drawing.add(filled(0, 0, width, height, HexColor(colour), radius=3))
    drawing.add(String(4, 4.2, text, fontName=BOLD, fontSize=size, fillColor=WHITE))
    return drawing


def bar(share: float, width: float, colour: Color, height: float = 5) -> Drawing:
    """Draw a share of a whole."""
    drawing = Drawing(width, height)
    drawing.add(filled(0, 0, width, height, GROUND))
    if share > 0:
        drawing.add(filled(0, 0, width * min(share, 1), height, colour))
    return drawing
