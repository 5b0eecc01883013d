# SPDX-License-Identifier: Apache-2.0
"""Small tables for the metadata of a materialisation: Markdown, bounded, because Dagster keeps them for ever."""

from datetime import datetime

import dagster as dg
import polars as pl

MOST_ROWS = 40


def table(frame: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Show the first rows of a frame as a Markdown table, and say how many there are beyond them."""
    rows = [frame.columns, ["---"] * frame.width, *(map(_cell, row) for row in frame.head(MOST_ROWS).iter_rows())]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    beyond = frame.height - MOST_ROWS
    return dg.MetadataValue.md("\n".join([*lines, *([f"\n… and {beyond} rows more"] if beyond > 0 else [])]))


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return f"{value:.1f}" if isinstance(value, float) else str(value).replace("|", "\\|")
