# SPDX-License-Identifier: Apache-2.0
"""Stores with the facts that a test needs, a rules file of its own, and rounds over them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import yaml

from ovpo.foundation.clickhouse.connect import session
from ovpo.foundation.postgres.connect import admin_conninfo, open_pool
from ovpo.foundation.settings.tree import Alerts, PostgresRole, Settings
from ovpo.governance.audit.events import Actor
from ovpo.telemetry.alerts import keeping
from ovpo.telemetry.alerts.evaluation import measure
from ovpo.telemetry.alerts.life import Reading
from ovpo.telemetry.alerts.measuring import Measured, Stores
from ovpo.telemetry.alerts.outbox import Outbox
from ovpo.telemetry.alerts.reading import read_rules
from ovpo.telemetry.alerts.rounds import Round, run_round
from tests.integration.alerts.receivers import Receiver, certificate_of_loopback, receiver
from tests.unit.telemetry.alerts.books import raw_rule

SECRET = "a-secret-of-both"
ACTOR = Actor("run:test")
FACTS = (
    "tenant_id", "trace_id", "seen_at", "settled_at", "status", "failure_kind", "model", "project", "center",
    "campaign", "spans", "span_errors", "total_ms", "compute_units", "units", "factors_version", "frame_events",
    "frames", "findings",
)  # fmt: skip
HOURS = (
    "tenant_id", "hour", "trace_id", "seen_at", "settled_at", "model", "frame_events", "frame_errors", "metric_sums",
    "metric_counts",
)  # fmt: skip


@dataclass
class Desk:
    """Where alerts are evaluated."""

    settings: Settings
    folder: Path
    now: datetime

    @property
    def file(self) -> Path:
        return self.folder / "rules.yaml"

    def rules(self, *rules: dict[str, Any], **actions: dict[str, Any]) -> None:
        """Write the rules file."""
        self.file.write_text(yaml.safe_dump({"rules": list(rules), "actions": actions}))

    def fact(self, status: str = "COMPLETED", *, tenant: str = "demo", ago: float = 1, **fields: Any) -> UUID:
        """Enter a settled trace, some minutes ago."""
        [trace_id] = self.facts([fields], status=status, tenant_id=tenant, ago=ago)
        return trace_id

    def facts(self, each: list[dict[str, Any]], *, ago: float = 1, **all_of_them: Any) -> list[UUID]:
        """Enter many settled traces at once."""
        moment = self.now - timedelta(minutes=ago)
        usual = {
            "tenant_id": "demo", "seen_at": moment, "settled_at": moment, "status": "COMPLETED", "failure_kind": None,
            "model": "wan", "project": "film", "center": "", "campaign": "", "spans": 1, "span_errors": 0,
            "total_ms": 100.0, "compute_units": 1.0, "units": {}, "factors_version": "1", "frame_events": 0,
            "frames": 0, "findings": 0, **all_of_them,
        }  # fmt: skip
        rows = [{"trace_id": uuid4(), **usual, **fields} for fields in each]
        with session(self.settings.clickhouse) as client:
            client.insert("trace_facts", [[row[name] for name in FACTS] for row in rows], column_names=FACTS)
        return [row["trace_id"] for row in rows]

    def frames(self, trace_id: UUID, metric: str, values: list[float], *, tenant: str = "demo", ago: float = 1,
               model: str = "wan") -> None:  # fmt: skip
        """Enter what the frames of a trace add up to."""
        moment = self.now - timedelta(minutes=ago)
        row = [
            tenant, moment.replace(minute=0, second=0, microsecond=0), trace_id, moment, moment, model, len(values), 0,
            {metric: sum(values)}, {metric: len(values)},
        ]  # fmt: skip
        with session(self.settings.clickhouse) as client:
            client.insert("frame_hours", [row], column_names=HOURS)

    def round(self, after: timedelta = timedelta(0)) -> Round:
        """Evaluate and deliver once; the clock goes on by what is given."""
        self.now += after
        return run_round(self.bound, ACTOR, self.now)

    @property
    def bound(self) -> Settings:
        """Give the settings that name the rules file."""
        return self.settings.model_copy(update={"alerts": Alerts(rules=self.file)})

    def measured(self, **fields: Any) -> Measured:
        """Measure one rule."""
        self.rules(raw_rule(**fields))
        pool = open_pool(self.settings.postgres, PostgresRole.PROCESS)
        with pool, pool.connection() as connection, session(self.settings.clickhouse) as client:
            stores = Stores(connection, client, self.now)
            return measure(read_rules(self.file), stores, keeping.tenants(connection))["failing"]

    def of_demo(self, **fields: Any) -> list[tuple[str, float | None, int]]:
        """Measure one rule of the tenant demo: group, value, samples."""
        readings: tuple[Reading, ...] = self.measured(**fields).readings
        return [(one.group, one.value, one.samples) for one in readings if one.tenant_id == "demo"]

    def sql(self, statement: str, *given: object) -> list[tuple[Any, ...]]:
        """Ask PostgreSQL, or change what it holds."""
        with psycopg.connect(admin_conninfo(self.settings.postgres, self.settings.postgres.database)) as connection:
            answer = connection.execute(statement.encode(), given)
            return answer.fetchall() if answer.description else []

    def empty(self) -> None:
        """Forget every alert, and everything of any tenant that a rule may count."""
        self.sql("TRUNCATE alerts, alert_notifications, unsettled_traces, refused_items")
        self.sql("TRUNCATE traces CASCADE")
        with session(self.settings.clickhouse) as client:
            for table in ("trace_facts", "frame_hours"):
                client.command(f"TRUNCATE TABLE {table}")

    def alerts(self) -> list[tuple[Any, ...]]:
        """List state and ending of the tenant's alerts in the order in which they began."""
        return self.sql("SELECT state, ending FROM alerts WHERE tenant_id = 'demo' ORDER BY started_at")

    def outbox(self) -> list[tuple[Any, ...]]:
        """List event, state and attempts of the notifications in their order."""
        return self.sql("SELECT event, state, attempts FROM alert_notifications ORDER BY sequence")

    def due(self) -> None:
        """Let what waits for its next attempt be due, and what a dead process held be free."""
        self.sql("UPDATE alert_notifications SET due_at = now() - interval '1 s', leased_until = '-infinity'")

    def hook(self, to: Receiver) -> dict[str, Any]:
        """Give the action of a webhook that is received here."""
        return {"type": "webhook", "url": to.url, "secret_file": "secret", "allow_http": True}


@pytest.fixture
def desk(settings: Settings, tmp_path: Path) -> Desk:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    made = Desk(settings, tmp_path, datetime.now(UTC))
    made.empty()
    return made


@pytest.fixture
def outbox(settings: Settings) -> Iterator[Outbox]:
    with open_pool(settings.postgres, PostgresRole.PROCESS) as pool:
        yield Outbox(pool)


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate_of_loopback(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Trust the certificate as a machine would that its administrator gave it to."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return certificate
