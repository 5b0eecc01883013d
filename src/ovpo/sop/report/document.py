# SPDX-License-Identifier: Apache-2.0
"""Puts the report together: A4, the verdict first, the same bytes for the same result."""

from datetime import UTC
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from reportlab import rl_config
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, Image, KeepTogether, PageTemplate, Spacer

from ovpo.sop.explain.pictures import Pictures
from ovpo.sop.explain.wording import clean
from ovpo.sop.report.deviations import deviations
from ovpo.sop.report.facts import metrics, origins, sign_off
from ovpo.sop.report.fonts import SANS, register
from ovpo.sop.report.steps import steps
from ovpo.sop.report.styles import FAINT, MARGIN, PAGE, QUIET, RULE, WIDTH, section, words
from ovpo.sop.report.summary import summary
from ovpo.sop.report.text import NAME
from ovpo.sop.result import Result, Verdict
from ovpo.sop.whole_files import replacing

_HEAD: Final = 14 * mm
_FOOT: Final = 20 * mm
_TALLEST: Final = 150 * mm


def write_report(result: Result, pictures: Pictures, path: Path) -> None:
    """Write the report of a result; the file is there whole or not at all."""
    content = report(result, pictures)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as draft:
        draft.write(content)


def report(result: Result, pictures: Pictures) -> bytes:
    """Give the report as the bytes of a PDF."""
    register()
    # Base 85 is text for old mail programs: it makes a report of 40 deviations a fifth larger and takes 3 s.
    rl_config.useA85 = 0
    # Laid out once to count the pages and once more to write the count on each.
    _, pages = _built(result, pictures, 0)
    content, _ = _built(result, pictures, pages)
    return content


def _built(result: Result, pictures: Pictures, pages: int) -> tuple[bytes, int]:
    file = BytesIO()
    document = BaseDocTemplate(
        file,
        pagesize=PAGE,
        title=f"Procedure report: {clean(result.task_id, NAME)}",
        author="OVPO",
        subject=f"{result.verdict.value}, {result.created_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        invariant=1,
        pageCompression=1,
    )

    made = result.created_at.astimezone(UTC)

    def begin(canvas: Canvas, _: Any) -> None:
        canvas.setDateFormatter(lambda *_: f"D:{made:%Y%m%d%H%M%S}+00'00'")
        _foot(canvas, result, pages)

    frame = Frame(MARGIN, _FOOT, WIDTH, PAGE[1] - _FOOT - _HEAD, 0, 0, 0, 0)
    document.addPageTemplates(PageTemplate("page", [frame], onPage=begin))
    document.build(_story(result, pictures))
    return file.getvalue(), document.page


def _story(result: Result, pictures: Pictures) -> list[Flowable]:
    story = summary(result)
    if result.verdict is Verdict.CANNOT_JUDGE:
        return [*story, *origins(result), sign_off()]
    story += [Spacer(0, 3 * mm), _picture(pictures.timeline_png)]
    story += steps(result)
    story += deviations(pictures.pairs)
    story += metrics(result)
    story.append(sign_off())
    if pictures.matrix_png is not None:
        how = (
            "Light where a moment of the trainee's video looks like a moment of the gold video; the white line joins "
            "what was matched. Plates name the deviations."
        )
        matrix = [*section("Similarity of the two videos"), words(how, 300, QUIET), Spacer(0, 2 * mm)]
        story.append(KeepTogether([*matrix, _picture(pictures.matrix_png)]))
    story += origins(result)
    return story


def _picture(png: bytes) -> Image:
    width, height = ImageReader(BytesIO(png)).getSize()
    scale = min(WIDTH / width, _TALLEST / height)
    return Image(BytesIO(png), width=width * scale, height=height * scale)


def _foot(canvas: Canvas, result: Result, pages: int) -> None:
    canvas.saveState()
    canvas.setStrokeColor(RULE)
    canvas.setLineWidth(0.5)
    canvas.line(MARGIN, _FOOT - 5 * mm, PAGE[0] - MARGIN, _FOOT - 5 * mm)
    canvas.setFont(SANS, 6.8)
    canvas.setFillColor(FAINT)
    digests = f"SHA-256  gold {clean(result.gold.sha256, 16)}  trainee {clean(result.trainee.sha256, 16)}"
    canvas.drawString(MARGIN, _FOOT - 9 * mm, digests)
    canvas.drawRightString(PAGE[0] - MARGIN, _FOOT - 9 * mm, f"page {canvas.getPageNumber()} of {pages}")
    canvas.restoreState()
