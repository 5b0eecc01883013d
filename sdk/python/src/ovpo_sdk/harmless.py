# SPDX-License-Identifier: Apache-2.0
"""Keeps an observer's own faults from what it observes: said once, then on with the run; in strict mode, raised."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import TracebackType

_log: Final = logging.getLogger("ovpo_sdk")
_said: Final[set[str]] = set()


class Harmless:
    """Lets no exception get out, but for a strict client: `with Harmless("tell of a step"): …`."""

    __slots__ = ("_doing", "_strict")

    def __init__(self, doing: str, *, strict: bool = False) -> None:
        """Take what is done inside, for the log."""
        self._doing = doing
        self._strict = strict

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> bool:
        if self._strict or not isinstance(error, Exception):
            return False
        if self._doing not in _said:
            _said.add(self._doing)
            _log.warning("ovpo: could not %s; the run goes on, and this is said once", self._doing, exc_info=error)
        return True
