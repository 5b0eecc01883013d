# SPDX-License-Identifier: Apache-2.0
"""Scores as a table for spreadsheets (RFC 4180), page by page; no cell is a formula, whoever named the videos. Pure."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from io import StringIO
from typing import Final

from ovpo.sop.records.rows import Score, Video

BOM: Final = "\ufeff"
"""Without it spreadsheets take UTF-8 for something else."""
COLUMNS: Final = (
    "score_id",
    "task_id",
    "state",
    "verdict",
    "points",
    "reviewed_verdict",
    "review_note",
    "reviewed_by",
    "reviewed_at",
    "trainee_id",
    "trainee_name",
    "operator_id_hash",
    "site_id",
    "camera_id",
    "gold_id",
    "deviations",
    "deviation_types",
    "definition_version",
    "adapter",
    "asked_by",
    "asked_at",
    "finished_at",
    "reason_code",
)
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")  # noqa: RUF001
_NEW_CELL: Final = re.compile(r"(?!\A)([;\t\r\n]\s*)(?=[=+\-@|%＝＋－＠])")  # noqa: RUF001
"""Where a spreadsheet that takes semicolons or tabs for separators begins a cell within ours, quoted or not."""
Cell = str | int | float | datetime | None


def head() -> bytes:
    """Give the first line."""
    return (BOM + _lines([COLUMNS])).encode()


def lines(rows: Iterable[tuple[Score, Video]]) -> bytes:
    """Give a line for each score and its trainee's video."""
    return _lines(_row(score, video) for score, video in rows).encode()


def _row(score: Score, video: Video) -> Iterator[str]:
    found = score.deviations or ()
    cells: Sequence[Cell] = (
        str(score.score_id),
        score.task_id,
        score.state.value,
        score.verdict,
        score.points,
        score.reviewed_verdict,
        score.review_note,
        score.reviewed_by,
        score.reviewed_at,
        str(score.trainee_id),
        video.name,
        video.operator_id_hash,
        video.site_id,
        video.camera_id,
        None if score.gold_id is None else str(score.gold_id),
        None if score.deviations is None else len(found),
        " ".join(sorted({str(one.get("type", "")) for one in found})),
        score.definition_version,
        score.adapter,
        score.asked_by,
        score.asked_at,
        score.finished_at,
        score.reason_code,
    )
    return map(cell, cells)


def cell(value: Cell) -> str:
    """Write a value; what a spreadsheet would run has an apostrophe before it, so that it is read as text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if not isinstance(value, str):
        return str(value)
    inert = _NEW_CELL.sub(r"\1'", value)
    return f"'{inert}" if value.lstrip().startswith(_FORMULAS) or value.startswith(_FORMULAS) else inert


def _lines(rows: Iterable[Iterable[str]]) -> str:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
