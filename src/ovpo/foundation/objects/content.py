# SPDX-License-Identifier: Apache-2.0
"""What an object is by the end of its name, and whether a browser may show it in place. Pure."""

from collections.abc import Mapping
from typing import Final

BINARY: Final = "application/octet-stream"
_TYPES: Final[Mapping[str, str]] = {
    "avif": "image/avif",
    "csv": "text/csv; charset=utf-8",
    "gif": "image/gif",
    "gz": "application/gzip",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "m4v": "video/mp4",
    "mkv": "video/x-matroska",
    "mov": "video/quicktime",
    "mp4": "video/mp4",
    "parquet": "application/vnd.apache.parquet",
    "pdf": "application/pdf",
    "png": "image/png",
    "txt": "text/plain; charset=utf-8",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
    "zip": "application/zip",
}
_SHOWN: Final = frozenset({"image/jpeg", "image/png", "image/webp"})


def type_of(name: str) -> str:
    """Give the media type of an object; names that a browser would run, such as .html and .svg, are binary."""
    _, dot, suffix = name.rpartition("/")[2].rpartition(".")
    return _TYPES.get(suffix.lower(), BINARY) if dot else BINARY


def disposition_of(name: str) -> str:
    """Say whether a browser may show the object: pictures that can hold no script, and nothing else."""
    return "inline" if type_of(name) in _SHOWN else "attachment"
