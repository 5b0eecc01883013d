# SPDX-License-Identifier: Apache-2.0
"""Files that are there whole or not at all: written beside their place and moved into it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import IO


@contextmanager
def replacing(file: Path) -> Iterator[IO[bytes]]:
    """Give a draft to write; once written it takes the place of the file, and after an error it is gone."""
    with _draft(file) as draft:
        yield draft
        _keep(draft)
        Path(draft.name).replace(file)


@contextmanager
def creating(file: Path) -> Iterator[IO[bytes]]:
    """Give a draft to write, as `replacing` does, but raise FileExistsError where there is a file already."""
    with _draft(file) as draft:
        yield draft
        _keep(draft)
        os.link(draft.name, file)


@contextmanager
def _draft(file: Path) -> Iterator[IO[bytes]]:
    beside = file.with_name(f".{file.name}.{token_hex(8)}")
    with beside.open("xb") as draft:
        try:
            yield draft
        finally:
            beside.unlink(missing_ok=True)


def _keep(draft: IO[bytes]) -> None:
    draft.flush()
    os.fsync(draft.fileno())
