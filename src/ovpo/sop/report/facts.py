# SPDX-License-Identifier: Apache-2.0
"""What the verdict rests on: metrics, videos, settings, versions; and the line to sign."""

from itertools import zip_longest
from math import ceil
from typing import Final

from reportlab.lib.colors import HexColor
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, KeepTogether, Paragraph, Spacer, Table, TableStyle

from ovpo.sop.explain.wording import clock
from ovpo.sop.report.styles import FAINT, HEAD, HEAD_RIGHT, QUIET, RIGHT, SMALL, WIDTH, bar, section, table, words
from ovpo.sop.report.text import NAME
from ovpo.sop.result import Result, VideoFacts

_LOSS: Final = HexColor("#b3261e")
_VALUE: Final = 300
_SIGNED: Final = ("Name", "Date", "Signature")


def metrics(result: Result) -> list[Flowable]:
    """Give the table that the score is the sum of; nothing where there is no score."""
    if not result.metrics or result.score is None:
        return []
    rows: list[list[Flowable | str]] = [
        [
            Paragraph("Metric", HEAD),
            Paragraph("Value", HEAD_RIGHT),
            Paragraph("Weight", HEAD_RIGHT),
            Paragraph("Points lost", HEAD_RIGHT),
            "",
        ]
    ]
    rows += [
        [
            words(metric.name.replace("_", " "), NAME, SMALL),
            Paragraph(f"{metric.value:.3f}", RIGHT),
            Paragraph(f"{metric.weight:g}", RIGHT),
            Paragraph(f"{metric.loss:.2f}", RIGHT),
            bar(metric.loss / metric.weight if metric.weight > 0 else 0, 44 * mm, _LOSS),
        ]
        for metric in result.metrics
    ]
    lost = sum(metric.loss for metric in result.metrics)
    least = ", at least 0" if lost > 100 else ""
    rows.append(
        [
            words("Together", 20, HEAD),
            "",
            "",
            Paragraph(f"{lost:.2f}", HEAD_RIGHT),
            words(f"100 - {lost:.1f}{least} = {result.score:.1f} points", 60, HEAD),
        ]
    )
    widths = [WIDTH - 116 * mm, 22 * mm, 22 * mm, 24 * mm, 48 * mm]
    return [*section("How the score came about"), table(rows, widths, shaded=[len(rows) - 1])]


def origins(result: Result) -> list[Flowable]:
    """Give the tables of the videos, the versions and the settings."""
    videos: list[list[Flowable | str]] = [["", Paragraph("Gold", HEAD), Paragraph("Trainee", HEAD)]]
    videos += [
        [Paragraph(what, QUIET), words(gold, NAME, SMALL), words(trainee, NAME, SMALL)]
        for (what, gold), (_, trainee) in zip(_facts(result.gold), _facts(result.trainee), strict=True)
    ]
    made = result.versions
    versions = [("code", f"ovpo {made.ovpo}"), ("embedder", made.embedder)]
    versions += [("adapter", made.adapter), ("calibration", made.calibration)]
    versions += [("result schema", result.schema_version)]
    with_versions: list[list[Flowable | str]] = [[Paragraph("Made with", HEAD), ""]]
    with_versions += [[words(what, NAME, QUIET), words(value or "none", _VALUE, SMALL)] for what, value in versions]
    narrow, wide = 32 * mm, WIDTH - 32 * mm
    parts: list[Flowable] = [
        *section("Videos, versions and settings"),
        table(videos, [24 * mm, (WIDTH - 24 * mm) / 2, (WIDTH - 24 * mm) / 2]),
        Spacer(0, 3 * mm),
        table(with_versions, [narrow, wide]),
    ]
    if result.settings:
        parts += [Spacer(0, 3 * mm), KeepTogether([_settings(result)])]
    return parts


def sign_off() -> Flowable:
    """Give the line for the trainer's name, the date and the signature."""
    gap = 6 * mm
    wide = (WIDTH - 2 * gap) / 3
    row = [Paragraph(_SIGNED[0], QUIET), "", Paragraph(_SIGNED[1], QUIET), "", Paragraph(_SIGNED[2], QUIET)]
    line = Table([row], colWidths=[wide, gap, wide, gap, wide], hAlign="LEFT")
    line.setStyle(
        TableStyle(
            [
                *(("LINEABOVE", (column, 0), (column, 0), 0.8, FAINT) for column in (0, 2, 4)),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 2),
            ]
        )
    )
    return KeepTogether([*section("Reviewed by"), Spacer(0, 11 * mm), line])


def _settings(result: Result) -> Flowable:
    cells = [(words(name, NAME, QUIET), words(_said(value), _VALUE, SMALL)) for name, value in result.settings.items()]
    half = ceil(len(cells) / 2)
    rows: list[list[Flowable | str]] = [[Paragraph("Settings", HEAD), "", "", ""]]
    rows += [[*left, *right] for left, right in zip_longest(cells[:half], cells[half:], fillvalue=("", ""))]
    return table(rows, [52 * mm, WIDTH / 2 - 52 * mm] * 2)


def _facts(video: VideoFacts) -> tuple[tuple[str, str], ...]:
    return (
        ("file", video.name),
        ("SHA-256", video.sha256),
        ("length", f"{clock(video.seconds)}, {video.clips} clips"),
        ("picture", f"{video.width} by {video.height}, {video.frames_per_second:.5g} frames a second"),
    )


def _said(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
