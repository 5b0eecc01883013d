# SPDX-License-Identifier: Apache-2.0
"""What both stores plan for what the query service asks of them.

PostgreSQL logs each statement as the service sends it; it is explained as the same role, with the same values. So every
statement is found, also one that is put together from a question. ClickHouse is asked about the service's constants.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import sleep
from typing import Any, Final

import httpx
import psycopg

from bench.query import shape
from bench.query.kinds import Ask, Ground
from ovpo.foundation.clickhouse.connect import session
from ovpo.foundation.postgres.connect import SEE_TENANT, admin_conninfo, conninfo
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.telemetry.analytics.facts import BOTTLENECKS
from ovpo.telemetry.query.frame_statements import EVENTS

TELEMETRY: Final = re.compile(r"\b(traces|spans|trace_summaries|listed_traces)\b")
SEQUENTIAL: Final = re.compile(r"Seq Scan on (traces|spans\w*|trace_summaries)\b")
SCAN: Final = re.compile(r"(?:(?:Index|Index Only|Bitmap Index) Scan(?: Backward)? (?:using|on) \w+|Seq Scan on \w+)")
EXECUTION: Final = re.compile(r"Execution Time: ([0-9.]+) ms")
PRIMARY_KEY: Final = re.compile(r"PrimaryKey\s+Keys:\s+(.*?)\s+Condition:.*?Granules: (\d+/\d+)", re.DOTALL)
LOGGED_WITHIN: Final = 0.2
MOST_CHARACTERS: Final = 110
LOG_STATEMENTS: Final = "ALTER ROLE ovpo_query SET log_statement = 'all'"
LOG_NO_STATEMENTS: Final = "ALTER ROLE ovpo_query RESET log_statement"
SEQUENTIAL_SCANS: Final = """
SELECT relname, seq_scan FROM pg_stat_user_tables
WHERE relname IN ('traces', 'trace_summaries') OR relname ~ '^spans_[0-9]+$'
"""
_ENTRY: Final = re.compile(r"^\d{4}-\d\d-\d\d [^\n]*?(LOG|DETAIL): +", re.MULTILINE)
_EXECUTED: Final = re.compile(r"(?:execute \S+|statement): (.*)", re.DOTALL)
_PARAMETER: Final = re.compile(r"\$\d+ = (NULL|'(?:[^']|'')*')")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as PostgreSQL received it, with its values as text."""

    text: str
    values: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a store answers a statement."""

    of: str
    statement: str
    text: str
    scans: tuple[str, ...]
    milliseconds: float | None
    """What it took by PostgreSQL's own account; ClickHouse's plan was not carried out."""
    ok: bool


def sequential_scans(settings: Settings) -> dict[str, int]:
    """Tell how often each table of telemetry was read as a whole."""
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.MIGRATE)) as connection:
        return dict(connection.execute(SEQUENTIAL_SCANS).fetchall())


def log_statements(settings: Settings, *, wanted: bool) -> None:
    """Have PostgreSQL log what the query role says from its next connection on, or no longer."""
    with psycopg.connect(admin_conninfo(settings.postgres), autocommit=True) as connection:
        connection.execute(LOG_STATEMENTS if wanted else LOG_NO_STATEMENTS)


def explain(settings: Settings, client: httpx.Client, name: str, ask: Ask, log: Path) -> Iterator[Plan]:
    """Send a request and explain what the service said to PostgreSQL about traces for it."""
    begun = log.stat().st_size
    client.request(ask.method, ask.path, params=ask.parameters, json=ask.body).raise_for_status()
    sleep(LOGGED_WITHIN)
    with log.open("rb") as file:
        file.seek(begun)
        said = file.read().decode()
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.QUERY)) as connection:
        connection.execute(SEE_TENANT, (shape.LARGE,))
        raw = psycopg.RawCursor(connection)
        for statement in statements(said):
            asked = f"EXPLAIN (ANALYZE, BUFFERS) {statement.text}".encode()
            text = "\n".join(line for [line] in raw.execute(asked, statement.values, prepare=False))
            scans = tuple(dict.fromkeys(SCAN.findall(text)))
            took = float(EXECUTION.findall(text)[-1])
            what = f"{name}: {_brief(statement.text)}"
            yield Plan(what, statement.text, text, scans, took, not SEQUENTIAL.search(text))


def statements(log: str) -> list[Statement]:
    """Read the questions about telemetry out of a piece of PostgreSQL's log. Pure."""
    parts = _ENTRY.split(log)
    entries = list(zip(parts[1::2], parts[2::2], strict=True))
    found: list[Statement] = []
    for place, (kind, text) in enumerate(entries):
        executed = _EXECUTED.match(text)
        if kind != "LOG" or executed is None:
            continue
        wanted = executed[1].strip()
        if not wanted.startswith(("SELECT", "WITH")) or not TELEMETRY.search(wanted):
            continue
        detail = entries[place + 1][1] if entries[place + 1 :] and entries[place + 1][0] == "DETAIL" else ""
        found.append(Statement(wanted, tuple(map(_value, _PARAMETER.findall(detail)))))
    return found


def of_clickhouse(settings: Settings, ground: Ground) -> Iterator[Plan]:
    """Explain how ClickHouse finds a trace's frames, and a tenant's facts of thirty days."""
    window = {
        "start": f"{ground.end - timedelta(days=30):%Y-%m-%d %H:%M:%S}",
        "end": f"{ground.end:%Y-%m-%d %H:%M:%S}",
    }
    anything: dict[str, Any] = {name: [] for name in ("models", "projects", "statuses", "tag_keys", "tag_values")}
    of_trace = {"trace": ground.long_videos[0], "most": 1001}
    asked = (
        ("frame events of a trace", EVENTS, of_trace, {"tenant_id", "trace_id"}),
        ("bottlenecks of 30 days", BOTTLENECKS, window | anything | {"by_model": False, "most": 1001}, {"tenant_id"}),
    )
    with session(settings.clickhouse) as client:
        for name, statement, given, keys in asked:
            explained = client.query(f"EXPLAIN indexes = 1 {statement}", {"tenant": shape.LARGE, **given}).result_rows
            text = "\n".join(str(line) for [line] in explained)
            used = [(frozenset(names.split()), granules) for names, granules in PRIMARY_KEY.findall(text)]
            scans = tuple(f"primary key ({', '.join(sorted(names))}), granules {part}" for names, part in used)
            ok = bool(used) and all(keys <= names for names, _ in used)
            yield Plan(f"ClickHouse: {name}", statement, text, scans, None, ok)


def _value(text: str) -> str | None:
    return None if text == "NULL" else text[1:-1].replace("''", "'")


def _brief(statement: str) -> str:
    """Give what a statement reads and which rows of it; what it shows of them is left out."""
    words = " ".join(statement.split())
    told = words[max(0, words.find("FROM ")) :]
    return told if len(told) <= MOST_CHARACTERS else f"{told[: MOST_CHARACTERS - 1]}…"
