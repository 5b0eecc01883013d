# SPDX-License-Identifier: Apache-2.0
"""Answers about a trace, kept for a minute under the version that they show.

Nothing has to be thrown away when a trace changes: its next answer has another version, and so another name. A trace
that is gone has no version, so what was kept of it is found by nobody.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from ovpo.foundation.http.conditional import Version
from ovpo.foundation.shortcut import Question, Shortcut

LIFE: Final = timedelta(minutes=1)
MOST_BYTES: Final = 2_000_000


class Bodies:
    """Gives an answer that was given before, or has it made and keeps it."""

    def __init__(self, shortcut: Shortcut) -> None:
        self._shortcut = shortcut

    async def of(self, version: Version, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """Give the answer of this version."""
        key = f"answer:{version.tag}"
        if (kept := await self._shortcut.get(Question.BODY, key)) is not None:
            return kept
        made = await make()
        if len(made) <= MOST_BYTES:
            await self._shortcut.set(Question.BODY, key, made, LIFE)
        return made
