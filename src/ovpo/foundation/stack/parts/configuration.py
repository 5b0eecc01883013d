# SPDX-License-Identifier: Apache-2.0
"""Server configurations that hold a password: written whole, readable by their owner only."""

import os
from pathlib import Path


def write_private(file: Path, text: str) -> None:
    """Replace a file by one that nobody else may read."""
    scratch = file.with_name(f"{file.name}.new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
    scratch.replace(file)
