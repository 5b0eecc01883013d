# SPDX-License-Identifier: Apache-2.0
"""An upload on its way in: written to a file of its own, hashed and bounded while it is, looked at as soon as it may.

Whatever ends it, a refusal or a client that left, the file is gone afterwards.
"""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Final

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from ovpo.foundation.http.errors import ApiError, Code
from ovpo.sop.api.multipart import Began, Data, Ended, Event, Form, FormError, boundary_of
from ovpo.sop.api.said import Described, Said, described, name_of, said_of
from ovpo.sop.api.spool import Spool, Spooled

FIELD: Final = "file"
"""The part of a form that holds the video."""
STALE_SECONDS: Final = 86_400
"""No upload goes on for a day without a byte; what lies longer was left by a process that was killed."""
_MOST_VALUE: Final = 2048


@dataclass(frozen=True, slots=True)
class Received:
    """A whole upload: the file that holds it until the request is answered, and what was said of it."""

    file: Spooled
    described: Described


def sweep(folder: Path) -> None:
    """Remove what uploads of processes that were killed left behind."""
    before = time.time() - STALE_SECONDS
    for left in folder.glob("*"):
        try:
            newest = max(file.stat().st_mtime for file in (left, *left.glob("*")))
        except FileNotFoundError:
            continue
        if newest < before:
            rmtree(left, ignore_errors=True)


@asynccontextmanager
async def received(request: Request, said: Said, folder: Path, most_bytes: int) -> AsyncIterator[Received]:
    """Take in the body of a request: the video itself, or a form that holds it and what is said of it."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise ApiError(Code.UNSUPPORTED_MEDIA_TYPE, "Content-Encoding: send the video as it is, without one")
    boundary = _boundary(request.headers.get("content-type", ""))
    if boundary is None:
        described(said)
    await run_in_threadpool(sweep, folder)
    spool = await run_in_threadpool(Spool, folder, most_bytes)
    try:
        if boundary is None:
            await _raw(request, spool)
            known = described(said)
        else:
            with _explained():
                values = await _form(request, spool, boundary, said.model_dump(exclude_unset=True))
            known = described(said_of(values))
        yield Received(await run_in_threadpool(spool.finish), known)
    finally:
        spool.discard()


def _boundary(content_type: str) -> bytes | None:
    with _explained():
        return boundary_of(content_type)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except FormError as error:
        raise ApiError(Code.INVALID_FORMAT, f"body: {error}", details={"field": "body"}) from None


async def _raw(request: Request, spool: Spool) -> None:
    held = bytearray()
    async for piece in request.stream():
        held += piece
        if len(held) >= spool.wants:
            await _written(spool, held)
    await _written(spool, held)


async def _form(request: Request, spool: Spool, boundary: bytes, given: dict[str, str]) -> dict[str, str]:
    """Read a form; what it says of the video stands beside what the address says, and neither twice."""
    form, parts = Form(boundary), _Parts(dict(given))
    async for piece in request.stream():
        for event in form.feed(piece):
            parts.take(event)
            if len(parts.video) >= spool.wants:
                await _written(spool, parts.video)
    form.finish()
    if not parts.has_video:
        raise FormError(f"the form has no part `{FIELD}`; send the video as that")
    await _written(spool, parts.video)
    return parts.said


async def _written(spool: Spool, held: bytearray) -> None:
    data = bytes(held)
    held.clear()
    await run_in_threadpool(spool.write, data)


class _Parts:
    """What a form told so far: its fields, and the bytes of the video that are not written yet."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values
        self.video = bytearray()
        self.has_video = False
        self._file_name: str | None = None
        self._part = Began("", None)
        self._value = bytearray()

    @property
    def said(self) -> dict[str, str]:
        """Give what was said of the video; its name is that of its file, unless another is given before or after."""
        return self._values if self._file_name is None else {"name": self._file_name, **self._values}

    def take(self, event: Event) -> None:
        """Take what the form tells next."""
        match event:
            case Began():
                self._begin(event)
            case Data(data) if self._part.name == FIELD:
                self.video += data
            case Data(data):
                self._value += data
                if len(self._value) > _MOST_VALUE:
                    raise FormError(f"a field has more than {_MOST_VALUE} bytes; send the video as `{FIELD}`")
            case Ended():
                self._end()

    def _begin(self, part: Began) -> None:
        if part.name in self._values or (part.name == FIELD and self.has_video):
            raise FormError(f"{part.name[:100]} is given twice; give it once")
        self.has_video |= part.name == FIELD
        self._part = part
        self._value.clear()

    def _end(self) -> None:
        if self._part.name != FIELD:
            self._values[self._part.name] = _text(self._part.name, self._value)
        elif self._part.file:
            self._file_name = name_of(self._part.file)


def _text(name: str, value: bytearray) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise FormError(f"{name[:100]} is no UTF-8") from None
