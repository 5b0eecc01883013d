# SPDX-License-Identifier: Apache-2.0
"""ClickHouse sessions: a name under which SET, USE and temporary tables last from one request to the next.

A session costs nothing until a statement changes it; from then on it owns a connection until it times out.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from ovpo.foundation.clickhouse.server.engine import Connection
from ovpo.foundation.clickhouse.server.errors import session_locked, session_not_found
from ovpo.foundation.clickhouse.server.protocol import Session
from ovpo.foundation.clickhouse.server.statements import Command, Statement


@dataclass(slots=True)
class Held:
    """A session while a query has it."""

    busy: bool = True
    deadline: float = 0.0
    connection: Connection | None = None
    request_settings: frozenset[str] = field(default_factory=frozenset)

    def stale(self, settings: Collection[str]) -> list[str]:
        """The settings of earlier requests that this one does not have and must not inherit."""
        return sorted(self.request_settings.difference(settings))


def changes_session(statement: Statement) -> bool:
    """Whether what the statement does is meant to last for its session."""
    if not isinstance(statement, Command):
        return False
    words = [token.keyword for token in statement.tokens[:5]]
    return words[:1] in (["SET"], ["USE"]) or (words[:1] == ["CREATE"] and "TEMPORARY" in words)


class Sessions:
    """Every live session by name."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._held: dict[str, Held] = {}

    def __len__(self) -> int:
        return len(self._held)

    def is_busy(self, session: Session) -> bool:
        """Whether a query has the session now."""
        held = self._held.get(session.name)
        return held is not None and held.busy

    def take(self, session: Session) -> Held:
        """Lock a session for one query, opening it where it is new."""
        self._expire()
        held = self._held.get(session.name)
        if held is None:
            if session.must_exist:
                raise session_not_found(session.name)
            held = self._held[session.name] = Held()
            return held
        if held.busy:
            raise session_locked(session.name)
        held.busy = True
        return held

    def give_back(self, session: Session) -> None:
        """Unlock a session and start its time-out, or end it where the request closes it."""
        held = self._held[session.name]
        held.busy = False
        held.deadline = self._clock() + session.seconds
        if session.closes:
            self._end(session.name)

    def close(self) -> None:
        """End every session that no query has."""
        for name in [name for name, held in self._held.items() if not held.busy]:
            self._end(name)

    def _expire(self) -> None:
        now = self._clock()
        for name in [name for name, held in self._held.items() if not held.busy and held.deadline < now]:
            self._end(name)

    def _end(self, name: str) -> None:
        held = self._held.pop(name)
        if held.connection is not None:
            held.connection.close()
