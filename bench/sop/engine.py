# SPDX-License-Identifier: Apache-2.0
"""The engine that is measured, as the benchmark calls it."""

from datetime import UTC, datetime
from pathlib import Path

from ovpo.sop.comparing import compare as compare_videos
from ovpo.sop.result import Result


def compare(gold: Path, trainee: Path, definition: Path | None) -> Result:
    """Compare two videos with everything as it is unless somebody sets it."""
    return compare_videos(gold, trainee, definition=definition, now=datetime.now(UTC)).result
