# SPDX-License-Identifier: Apache-2.0
"""Which parts a stack has, and which of them wait for which. A store whose URL is set is not started."""

from collections.abc import Callable, Iterable

from ovpo.foundation.clickhouse import migrate as clickhouse_tables
from ovpo.foundation.postgres import bootstrap
from ovpo.foundation.postgres import migrate as postgres_tables
from ovpo.foundation.settings.tree import Settings
from ovpo.foundation.stack.errors import StackError
from ovpo.foundation.stack.home import Home
from ovpo.foundation.stack.parts import clickhouse, dagster, nats, postgres, services, valkey
from ovpo.foundation.stack.parts.kinds import Part, Process, Task

MIGRATE_POSTGRES, MIGRATE_CLICKHOUSE, DAGSTER_STORAGE = "postgres-tables", "clickhouse-tables", "dagster-storage"


def plan(settings: Settings, home: Home) -> list[Part]:
    """List every part of the stack; what a part needs stands before it."""
    embedded: list[tuple[object, Callable[[], Process]]] = [
        (settings.postgres.url, lambda: postgres.postgres(settings.postgres, home)),
        (settings.cache.url, lambda: valkey.valkey(settings.cache, home)),
        (settings.broker.url, lambda: nats.nats(settings.broker, home)),
        (settings.clickhouse.url, lambda: clickhouse.clickhouse(settings.clickhouse, home)),
    ]
    stores: list[Part] = [build() for url, build in embedded if not url]
    there = {part.name for part in stores}
    collected = frozenset({valkey.NAME, nats.NAME}) & there
    tables = frozenset({MIGRATE_POSTGRES, MIGRATE_CLICKHOUSE})
    locations = frozenset({dagster.CPU, dagster.GPU})
    return [
        *stores,
        Task(
            MIGRATE_POSTGRES,
            "PostgreSQL roles and tables",
            lambda: _migrate_postgres(settings),
            frozenset({postgres.NAME}) & there,
        ),
        Task(
            MIGRATE_CLICKHOUSE,
            "ClickHouse tables",
            lambda: _migrate_clickhouse(settings),
            frozenset({clickhouse.NAME}) & there,
        ),
        services.query(settings.query, home, tables | there),
        services.collector(settings.collector, home, frozenset({MIGRATE_POSTGRES}) | collected),
        services.sop(settings.sop, home, frozenset({MIGRATE_POSTGRES}) | (frozenset({valkey.NAME}) & there)),
        services.processor(settings.processor, home, tables | (frozenset({nats.NAME}) & there)),
        Task(
            DAGSTER_STORAGE,
            "Dagster storage",
            lambda: dagster.create_storage(settings, home),
            frozenset({MIGRATE_POSTGRES}),
        ),
        dagster.code_server(dagster.CPU, settings, home, frozenset({DAGSTER_STORAGE, MIGRATE_CLICKHOUSE})),
        dagster.code_server(dagster.GPU, settings, home, frozenset({DAGSTER_STORAGE, MIGRATE_CLICKHOUSE})),
        dagster.page(settings, home, locations),
        dagster.daemon(settings, home, locations),
    ]


def choose(parts: list[Part], names: Iterable[str]) -> list[Part]:
    """Keep the named parts and everything that they need; no name means every part."""
    by_name = {part.name: part for part in parts}
    wanted: set[str] = set()
    queue = list(names)
    while queue:
        name = queue.pop()
        if name not in by_name:
            raise StackError(f"there is no part {name!r}; the parts are {', '.join(by_name)}")
        if name not in wanted:
            wanted.add(name)
            queue.extend(by_name[name].needs)
    return [part for part in parts if part.name in wanted] if wanted else parts


def _migrate_postgres(settings: Settings) -> str:
    bootstrap.bootstrap(settings.postgres)
    return f"revision {postgres_tables.migrate(settings.postgres)}"


def _migrate_clickhouse(settings: Settings) -> str:
    applied = clickhouse_tables.migrate(settings.clickhouse)
    return f"{len(applied)} applied" if applied else "up to date"
