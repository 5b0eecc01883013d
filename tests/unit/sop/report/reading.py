# SPDX-License-Identifier: Apache-2.0
"""Reads a report back, so that tests can look at its words, pages and pictures."""

from io import BytesIO

from pypdf import PdfReader


def read(report: bytes) -> PdfReader:
    """Open a report strictly: a damaged file is an error."""
    return PdfReader(BytesIO(report), strict=True)


def pages(report: bytes) -> list[str]:
    """Give the words of each page, in one line each."""
    return [" ".join(page.extract_text().split()) for page in read(report).pages]


def words(report: bytes) -> str:
    """Give all words of a report in one line."""
    return " ".join(pages(report))
