# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI documents of the services, as files: the same text wherever and however often they are made."""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI

from ovpo.foundation.settings.tree import Settings
from ovpo.services import query, sop
from ovpo.telemetry.collector import app as collector

SERVICES: Final[Mapping[str, Callable[[Settings], FastAPI]]] = MappingProxyType(
    {"collector.json": collector.create, "query.json": query.create, "sop.json": sop.create}
)


def documents() -> dict[str, str]:
    """Give the text of each document by the name of its file; no store is asked, and no setting of this machine."""
    with TemporaryDirectory(prefix="ovpo-openapi-") as home:
        settings = Settings.model_construct(home=Path(home))
        return {name: asyncio.run(_document(create, settings)) for name, create in SERVICES.items()}


def outdated(folder: Path) -> list[Path]:
    """Give the files of a folder that are not what the services are described by now."""
    return [folder / name for name, text in documents().items() if _held(folder / name) != text]


def export(folder: Path) -> list[Path]:
    """Write each document into a folder, which is made where there is none; give the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")
        written.append(folder / name)
    return written


async def _document(create: Callable[[Settings], FastAPI], settings: Settings) -> str:
    """Describe one service, and close what making it opened."""
    app = create(settings)
    async with app.router.lifespan_context(app):
        return _text(app.openapi())


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _held(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None
