# SPDX-License-Identifier: Apache-2.0
"""The list of deviations: what, where, how sure, and the two frames to look at."""

from io import BytesIO
from typing import Final

from PIL import Image as Pixels
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Image, Paragraph, Spacer, Table, TableStyle

from ovpo.sop.explain.evidence import Pair, absence
from ovpo.sop.explain.marks import MARKS, label
from ovpo.sop.explain.wording import clock, span
from ovpo.sop.report.styles import BODY, CENTRED, GROUND, QUIET, RULE, SMALL, STRONG, WIDTH, badge, section, words
from ovpo.sop.report.text import NAME, SENTENCE
from ovpo.sop.video.samples import Picture

_FRAME: Final = 56 * mm
_TALLEST: Final = 42 * mm
_WORDS: Final = WIDTH - 2 * _FRAME - 4 * mm
# 150 dots an inch on the width of a printed frame; more would only make the file larger.
_PIXELS: Final = 330
_QUALITY: Final = 84


def deviations(pairs: tuple[Pair, ...]) -> list[Flowable]:
    """Give the section of the deviations, each kept on one page; nothing where there are none."""
    if not pairs:
        return []
    return [*section("Deviations", 66 * mm), *(_block(pair) for pair in pairs)]


def _block(pair: Pair) -> Table:
    sides = ((pair.gold, pair.deviation.evidence.gold), (pair.trainee, pair.deviation.evidence.trainee))
    sized = [_size(picture) for picture, _ in sides if picture is not None]
    high = max((height for _, height in sized), default=14 * mm)
    row: list[object] = [_words(pair)]
    for who, (picture, seconds) in zip(("Gold", "Trainee"), sides, strict=True):
        when = "" if seconds is None else f" {clock(seconds)}"
        frame = _absent(absence(seconds), high) if picture is None else _frame(picture)
        row.append([frame, words(who + when, 40, CENTRED)])
    block = Table([row], colWidths=[_WORDS, _FRAME + 2 * mm, _FRAME + 2 * mm], hAlign="LEFT", spaceAfter=0)
    block.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEABOVE", (0, 0), (-1, 0), 0.5, RULE),
                ("TOPPADDING", (0, 0), (-1, -1), 5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
                ("LEFTPADDING", (0, 0), (0, 0), 0),
                ("LEFTPADDING", (1, 0), (-1, -1), 2 * mm),
                ("RIGHTPADDING", (0, 0), (-1, -1), 0),
            ]
        )
    )
    return block


def _words(pair: Pair) -> list[Flowable]:
    found = pair.deviation
    mark = MARKS[found.type]
    plate = badge(label(pair.number, found), mark.colour)
    title = words(mark.words.capitalize(), 40, STRONG)
    head = Table([[plate, title]], colWidths=[plate.width + 5, _WORDS - plate.width - 7], hAlign="LEFT")
    head.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 0),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
            ]
        )
    )
    parts: list[Flowable] = [head, words(found.sentence, SENTENCE, BODY), Spacer(0, 2)]
    if found.names:
        numbers = ", ".join(str(step) for step in found.steps[:8])
        named = " / ".join(name[:NAME] for name in found.names[:8])
        parts.append(words(f"Step {numbers}: {named}" if numbers else named, NAME, SMALL))
    parts.append(words(f"confidence {found.confidence:.0%}, severity {found.severity:.0%}", 80, QUIET))
    where = [f"{who} {span(at)}" for who, at in (("gold", found.gold), ("trainee", found.trainee)) if at is not None]
    if where:
        parts.append(words(", ".join(where), 120, QUIET))
    return parts


def _size(picture: Picture) -> tuple[float, float]:
    rows, columns = picture.shape[:2]
    scale = min(_FRAME / columns, _TALLEST / rows)
    return columns * scale, rows * scale


def _frame(picture: Picture) -> Image:
    pixels = Pixels.fromarray(picture)
    pixels.thumbnail((_PIXELS, _PIXELS), Pixels.Resampling.LANCZOS)
    file = BytesIO()
    pixels.save(file, "JPEG", quality=_QUALITY)
    file.seek(0)
    width, height = _size(picture)
    return Image(file, width=width, height=height)


def _absent(why: str, high: float) -> Table:
    panel = Table([[Paragraph(why, CENTRED)]], colWidths=[_FRAME], rowHeights=[high])
    panel.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, -1), GROUND),
                ("BOX", (0, 0), (-1, -1), 0.5, RULE),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ]
        )
    )
    return panel
