# SPDX-License-Identifier: Apache-2.0
"""Whether a service is stopping: answers that go on for long end when it is, so that nobody has to cut them off."""

import asyncio
from typing import Final

from fastapi import FastAPI

_NAME: Final = "ovpo_stopping"


class Stopping:
    """Told once that the service stops; whoever answers for long looks here between its pieces."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def watch(self, app: FastAPI) -> None:
        """Be told when the server of this app is told to stop."""
        setattr(app.state, _NAME, self)

    def set(self) -> None:
        """Say that the service stops."""
        self._event.set()

    @property
    def is_set(self) -> bool:
        """Whether it stops."""
        return self._event.is_set()

    async def within(self, seconds: float) -> bool:
        """Wait so long, or until the service stops; tell whether it does."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return False
        return True


def tell(app: object) -> None:
    """Tell an app that watches for it that its server stops."""
    watching = getattr(getattr(app, "state", None), _NAME, None)
    if isinstance(watching, Stopping):
        watching.set()
