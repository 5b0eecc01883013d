# SPDX-License-Identifier: Apache-2.0
"""Draws a pair of evidence frames side by side, with what they show and when."""

from typing import Final

from ovpo.sop.explain.canvas import FAINT, RULE, Canvas
from ovpo.sop.explain.evidence import Pair, absence
from ovpo.sop.explain.fonts import can_write
from ovpo.sop.explain.marks import MARKS, label
from ovpo.sop.explain.wording import clean, clock
from ovpo.sop.video.samples import Picture

WIDTH: Final = 1120
_MARGIN: Final = 16
_BETWEEN: Final = 16
_PANEL: Final = (WIDTH - 2 * _MARGIN - _BETWEEN) // 2
_TALLEST: Final = 620
_GROUND: Final = "#eceff2"


def evidence_png(pair: Pair) -> bytes:
    """Draw a pair, 1120 pixels wide and as high as its frames want."""
    found = pair.deviation
    mark = MARKS[found.type]
    canvas = Canvas(WIDTH, 1)
    sentence = clean(found.sentence, 400)
    lines = canvas.wrapped(sentence, 17, WIDTH - 2 * _MARGIN, 3) if can_write(sentence) else []
    top = 56 + 24 * len(lines) + 34
    high = _panel_height(pair)
    canvas = Canvas(WIDTH, top + high + _MARGIN)
    half = canvas.text_width(label(pair.number, found), 18, bold=True) / 2 + 5
    canvas.badge((_MARGIN + max(half, 15), 30), label(pair.number, found), mark.colour, 18)
    names = clean(" / ".join(found.names), 200)
    title = f"{mark.words}: {names}" if names and can_write(names) else mark.words
    room = WIDTH - 3 * _MARGIN - 2 * half - 170
    title = canvas.fitted(title[0].upper() + title[1:], 19, room, bold=True)
    canvas.text((_MARGIN + 2 * max(half, 15) + 12, 30), title, 19, bold=True)
    canvas.text((WIDTH - _MARGIN, 30), f"confidence {found.confidence:.0%}", 15, colour=FAINT, across="r")
    for place, line in enumerate(lines):
        canvas.text((_MARGIN, 66 + 24 * place), line, 17)
    sides = (("Gold", found.evidence.gold, pair.gold), ("Trainee", found.evidence.trainee, pair.trainee))
    for place, (who, seconds, picture) in enumerate(sides):
        left = float(_MARGIN + place * (_PANEL + _BETWEEN))
        when = "" if seconds is None else f"  {clock(seconds)}"
        canvas.text((left, top - 16), who + when, 16, bold=True)
        _panel(canvas, left, float(top), float(high), picture, seconds)
    return canvas.png()


def _panel_height(pair: Pair) -> int:
    shapes = [picture.shape for picture in (pair.gold, pair.trainee) if picture is not None]
    wanted = max((_PANEL * shape[0] / shape[1] for shape in shapes), default=_PANEL * 9 / 16)
    return round(min(max(wanted, 120), _TALLEST))


def _panel(
    canvas: Canvas, left: float, top: float, high: float, picture: Picture | None, seconds: float | None
) -> None:
    canvas.rectangle((left, top, left + _PANEL, top + high), fill=_GROUND)
    if picture is None:
        canvas.rectangle((left, top, left + _PANEL, top + high), outline=RULE, width=2)
        canvas.text((left + _PANEL / 2, top + high / 2), absence(seconds), 18, colour=FAINT, across="m")
        return
    rows, columns = picture.shape[:2]
    scale = min(_PANEL / columns, high / rows)
    wide, tall = columns * scale, rows * scale
    x, y = left + (_PANEL - wide) / 2, top + (high - tall) / 2
    canvas.picture(picture, (x, y, x + wide, y + tall), smooth=True)
