# SPDX-License-Identifier: Apache-2.0
"""Notifications in PostgreSQL: taken one by one under a lease, and settled as delivered, to be tried again, given up.

All times are the database's, so that the clocks of those who deliver need not agree.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
import psycopg
from msgspec import Struct
from psycopg_pool import ConnectionPool

from ovpo.foundation.postgres.connect import transaction
from ovpo.telemetry.alerts.notices import Notice

LEASE: Final = timedelta(minutes=2)
"""Longer than any delivery takes: another one takes a notification up when its deliverer has died."""
CLAIM: Final = """
UPDATE alert_notifications AS n SET attempts = n.attempts + 1, leased_until = now() + %(lease)s
WHERE n.notification_id = (
    SELECT w.notification_id FROM alert_notifications AS w
    WHERE w.state = 'waiting' AND w.due_at <= now() AND w.leased_until <= now() AND w.action <> ALL (%(but)s)
      AND NOT EXISTS (
          SELECT FROM alert_notifications AS before
          WHERE before.alert_id = w.alert_id AND before.action = w.action AND before.state = 'waiting'
            AND before.sequence < w.sequence)
    ORDER BY w.due_at, w.sequence LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING n.notification_id, n.action, n.attempts, n.content::text
"""
DELIVERED: Final = """
UPDATE alert_notifications SET state = 'delivered', settled_at = now(), reason = NULL
WHERE notification_id = %s AND attempts = %s AND state = 'waiting'
"""
AGAIN: Final = """
UPDATE alert_notifications SET due_at = now() + %(wait)s, leased_until = '-infinity', reason = %(reason)s
WHERE notification_id = %(id)s AND attempts = %(attempts)s AND state = 'waiting'
"""
GIVE_UP: Final = """
UPDATE alert_notifications SET state = 'given_up', settled_at = now(), reason = %s
WHERE notification_id = %s AND attempts = %s AND state = 'waiting'
"""
WAITING: Final = "SELECT count(*) FROM alert_notifications WHERE state = 'waiting'"
GIVEN_UP: Final = """
SELECT n.notification_id::text, a.rule, n.action, n.event, n.attempts, n.reason, n.settled_at
FROM alert_notifications AS n JOIN alerts AS a USING (alert_id)
WHERE n.state = 'given_up' AND n.settled_at >= %s ORDER BY n.settled_at DESC LIMIT 1000
"""


class Letter(Struct, frozen=True):
    """A notification in the hands of its deliverer."""

    notification_id: UUID
    action: str
    attempts: int
    content: str

    def told(self) -> Notice:
        """Read what it tells; raise msgspec.DecodeError where it was written in a form that is no longer read."""
        return msgspec.json.decode(self.content, type=Notice)


class GivenUp(Struct, frozen=True):
    """A notification that did not arrive."""

    notification_id: str
    rule: str
    action: str
    event: str
    attempts: int
    reason: str
    settled_at: datetime


class Outbox:
    """The notifications that wait; each call is a transaction of its own."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def claim(self, but: Collection[str]) -> Letter | None:
        """Take the notification that has been due longest, of any action but these; its attempt is counted."""
        with self._open() as connection:
            row = connection.execute(CLAIM, {"lease": LEASE, "but": list(but)}).fetchone()
        return Letter(*row) if row else None

    def delivered(self, letter: Letter) -> None:
        """Note that it arrived."""
        with self._open() as connection:
            connection.execute(DELIVERED, (letter.notification_id, letter.attempts))

    def again(self, letter: Letter, wait: timedelta, reason: str) -> None:
        """Put it back until later."""
        given = {"id": letter.notification_id, "attempts": letter.attempts, "wait": wait, "reason": reason}
        with self._open() as connection:
            connection.execute(AGAIN, given)

    def give_up(self, letter: Letter, reason: str) -> None:
        """Note that it is not tried again, and why."""
        with self._open() as connection:
            connection.execute(GIVE_UP, (reason, letter.notification_id, letter.attempts))

    def waiting(self) -> int:
        """Count those that still wait."""
        with self._open() as connection:
            row = connection.execute(WAITING).fetchone()
        return int(row[0]) if row else 0

    def given_up(self, since: datetime) -> list[GivenUp]:
        """List those that were given up since a moment, the newest first, at most 1,000."""
        with self._open() as connection:
            return [GivenUp(*row) for row in connection.execute(GIVEN_UP, (since,))]

    @contextmanager
    def _open(self) -> Iterator[psycopg.Connection]:
        with transaction(self._pool) as connection:
            yield connection
