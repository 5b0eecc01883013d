# SPDX-License-Identifier: Apache-2.0
"""A tenant's audit chain to play with, and the hands of somebody who owns the database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg

from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.objects.store import ObjectStore
from ovpo.foundation.postgres.connect import admin_conninfo, conninfo
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.governance.audit import reading, sealing, verifying
from ovpo.governance.audit.chain import append
from ovpo.governance.audit.events import Actor, Entry, EventType
from ovpo.governance.audit.keys import Keys, load_keys
from ovpo.governance.audit.record import Record, hash_of
from ovpo.governance.audit.verifying import Verdict

ACTOR = Actor("key:abcd1234", "127.0.0.1", {"request_id": "0f0f", "user_agent": "test"})


def entry(number: int = 0) -> Entry:
    return ACTOR.entry(EventType.TRACE_ACCESS, "trace", f"trace-{number}", number=number)


@dataclass(frozen=True)
class Chain:
    """One tenant's chain, with the settings of the stores that hold it."""

    settings: Settings
    tenant: str
    keys: Keys
    objects: ObjectStore

    @classmethod
    def new(cls, settings: Settings) -> "Chain":
        objects = open_objects(settings.objects, settings.query, settings.home)
        return cls(settings, f"audit-{uuid4().hex}", load_keys(settings.audit), objects)

    @contextmanager
    def connection(self, role: PostgresRole = PostgresRole.GOVERN) -> Iterator[psycopg.Connection]:
        with psycopg.connect(conninfo(self.settings.postgres, role)) as connection:
            yield connection

    def append(self, count: int = 1, role: PostgresRole = PostgresRole.PROCESS) -> list[Record]:
        with self.connection(role) as connection:
            return append(connection, self.tenant, [entry(number) for number in range(count)])

    def records(self) -> list[Record]:
        with self.connection() as connection:
            return list(reading.stream(connection, self.tenant))

    def seal(self, age: timedelta = timedelta(0)) -> sealing.Sealing:
        with self.connection() as connection:
            return sealing.seal(connection, self.objects, self.keys, datetime.now(UTC) - age, self.tenant)

    def verify(self, *, recent: bool = False, keys: Keys | None = None) -> Verdict:
        with self.connection() as connection:
            return verifying.verify(connection, self.objects, keys or self.keys, self.tenant, recent=recent)

    def kinds(self, *, recent: bool = False) -> list[tuple[str, int | None]]:
        return [(fault.kind.value, fault.seq) for fault in self.verify(recent=recent).faults]

    def tamper(self, statement: str, *parameters: object) -> int:
        """Do what a superuser can who turned the triggers off."""
        with psycopg.connect(admin_conninfo(self.settings.postgres, self.settings.postgres.database)) as connection:
            connection.execute("SET session_replication_role = replica")
            return connection.execute(statement.encode(), parameters).rowcount

    def rewrite(self, first: int, change: Callable[[Record], Record]) -> None:
        """Write the chain anew from a record on, with right hashes, as a forger with patience would."""
        previous = ""
        for record in self.records():
            if record.seq < first:
                continue
            changed = change(record) if record.seq == first else replace(record, previous_hash=previous)
            previous = hash_of(changed)
            self.tamper(
                "UPDATE audit_log SET metadata = %s, actor_id = %s, previous_hash = decode(%s, 'hex'), "
                "record_hash = decode(%s, 'hex') WHERE tenant_id = %s AND seq = %s",
                changed.metadata,
                changed.actor_id,
                changed.previous_hash,
                previous,
                self.tenant,
                record.seq,
            )
        self.tamper(
            "UPDATE audit_heads SET record_hash = decode(%s, 'hex') WHERE tenant_id = %s", previous, self.tenant
        )
