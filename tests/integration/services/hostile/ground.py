# SPDX-License-Identifier: Apache-2.0
"""What hostile requests are made on: a tenant that asks, one that is to stay unseen, and one of the platform's own.

Every text of a row that its sender chooses holds its tenant's mark, and every id of a row is known here, so that a row
that is shown to a stranger is seen to be one.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import psycopg

from ovpo.foundation.auth import Role
from ovpo.foundation.clickhouse.connect import KeptClient
from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.observability.metrics import new_registry
from ovpo.foundation.postgres.connect import admin_conninfo, open_pool
from ovpo.foundation.settings.tree import PostgresRole, Settings
from ovpo.governance.access.console import issue
from ovpo.telemetry.contract.read import read_batch
from ovpo.telemetry.contract.rules import Reader
from ovpo.telemetry.processor.frames import Frames
from ovpo.telemetry.processor.hardware import load_hardware
from ovpo.telemetry.processor.metrics import ProcessorMetrics
from ovpo.telemetry.processor.reading import read, together
from ovpo.telemetry.processor.settling import Settling
from ovpo.telemetry.processor.writing import Stores
from ovpo.telemetry.query.questions import Direction, OrderBy
from ovpo.telemetry.queue import pack
from tests.integration.collector.batches import Item, batch, event, new_id, span, trace

TRACES = 12
"""How many traces the tenant that asks has; the other one has more, so that a sum over both is seen to be one."""
FRAMES = 6
ALERT = """
INSERT INTO alerts (alert_id, tenant_id, rule, description, severity, metric, scope, group_by, group_value, comparison,
                    threshold, looks_back, labels, actions, state, value, samples, started_at, evaluated_at, fired_at)
VALUES (%(alert_id)s, %(tenant)s, %(rule)s, %(mark)s, 'critical', 'failure_rate', %(mark)s, 'model', %(mark)s, '>', 0.2,
        '30m', jsonb_build_object('team', %(mark)s::text), ARRAY[%(mark)s], 'firing', 0.5, 7, now(), now(), now())
"""
TOLD = """
INSERT INTO alert_notifications (notification_id, tenant_id, alert_id, action, event, content)
VALUES (%s, %s, %s, %s, 'fired', '{}')
"""


@dataclass
class Tenant:
    """A tenant with rows of every kind."""

    name: str
    """Its id, which others may know and ask for."""
    mark: str
    """Stands in every text that the tenant chose; nobody else ever says it, but within paths that are not kept."""
    keys: Mapping[Role, str]
    ids: dict[str, list[str]] = field(default_factory=dict)
    """Ids of its rows by the name that paths have for them; `link` holds a signed path."""

    @property
    def secrets(self) -> list[str]:
        """Give every id that nobody else may be shown."""
        return [one for kind, found in self.ids.items() if kind != "link" for one in found]


@dataclass(frozen=True, slots=True)
class Listed:
    """A list that goes on: where it is asked for, and the cursor that each tenant was given there."""

    path: str
    query: str
    role: Role
    ours: str
    theirs: str


@dataclass(frozen=True)
class Ground:
    """The tenants, and where the service answers."""

    port: int
    ours: Tenant
    theirs: Tenant
    platform: Tenant
    decoy: str
    """A tenant that may be changed and closed."""
    home: str
    lists: tuple[Listed, ...]

    def key(self, role: Role) -> str:
        """Give the key that requests of a role are sent with; only the platform's tenant has one of all tenants."""
        return (self.platform if role is Role.SUPER_ADMIN else self.ours).keys[role]


def prepare(settings: Settings, port: int) -> Ground:
    """Enter the tenants and their rows; the service answers at the port already."""
    ours, theirs, platform = (_tenant(settings, name) for name in ("zqours", "zqtheirs", "zqplatform"))
    for tenant, traces in ((ours, TRACES), (theirs, 2 * TRACES)):
        _send(settings, tenant, traces)
        for number in range(3):
            _alert(settings, tenant, number)
        _ask(settings, tenant, port)
    decoy = f"zqdecoy{uuid4().hex[:12]}"
    _sql(settings, "INSERT INTO tenants (tenant_id, name) VALUES (%s, 'decoy')", decoy)
    spare = issue(settings, ours.name, Role.VIEWER, "to be revoked", None)
    assert spare is not None
    ours.ids["prefix"] = [spare.text.split("_")[2]]
    return Ground(port, ours, theirs, platform, decoy, str(settings.home), tuple(_lists(port, ours, theirs, platform)))


def _tenant(settings: Settings, word: str) -> Tenant:
    name, mark = f"{word}-{uuid4().hex[:12]}", f"{word}{uuid4().hex}"
    _sql(settings, "INSERT INTO tenants (tenant_id, name) VALUES (%s, %s)", name, f"Name {mark}")
    keys = {}
    for role in Role:
        key = issue(settings, name, role, f"label {mark}", None)
        assert key is not None
        keys[role] = key.text
    prefixes = [text.split("_")[2] for text in keys.values()]
    return Tenant(name, mark, keys, {"prefix": prefixes})


def _send(settings: Settings, tenant: Tenant, traces: int) -> None:
    """Write traces as the processor does, settle them, and keep a picture in the object store."""
    items = [item for number in range(traces) for item in _trace(tenant, number)]
    taken = read_batch(batch(*items), Reader(tenant.name, embedded=True))
    assert taken.errors == ()
    metrics = ProcessorMetrics.on(new_registry("processor", "0"))
    with (
        closing(open_pool(settings.postgres, PostgresRole.PROCESS)) as pool,
        closing(Stores(pool, Frames(KeptClient(settings.clickhouse)), metrics)) as stores,
        closing(Settling(pool, KeptClient(settings.clickhouse), load_hardware(None), metrics)) as settling,
    ):
        stores.write(together(read(one.payload) for one in pack(taken.accepted, tenant.name, datetime.now(UTC))))
        _sql(settings, "UPDATE unsettled_traces SET due_at = now() - interval '1 second'")
        while settling.settle().claimed:
            pass
    open_objects(settings.objects, settings.query, settings.home).put(_picture(tenant), tenant.mark.encode() * 50)


def _trace(tenant: Tenant, number: int) -> list[Item]:
    mark, trace_id, span_id = tenant.mark, new_id(), new_id()
    tenant.ids.setdefault("trace_id", []).append(trace_id)
    tenant.ids.setdefault("span_id", []).append(span_id)
    about = {"status": "FAILED", "failure": {"kind": "oom", "message": f"no memory for {mark}", "retryable": False}}
    frames = [
        event(trace_id, index)
        | {
            "span_id": span_id,
            "quality_metrics": {"temporal_consistency": 0.9, f"own_{mark}": 1.0},
            "gpu_metrics": {"vram_used_mb": 900.0 + index},
            "artifact_refs": [{"kind": "thumbnail", "uri": f"ovpo://{_picture(tenant)}"}],
            "provenance": {"source": "sdk", "source_version": "1", "algorithm_id": mark},
        }
        for index in range(FRAMES)
    ]
    tenant.ids.setdefault("event_id", []).extend(one["event_id"] for one in frames)
    return [
        trace(
            trace_id,
            tenant.name,
            created_at=f"2026-11-{number + 1:02}T12:00:00Z",
            tags={"team": mark, f"k_{mark}": "1"},
            cost_attribution={"project": mark, "center": mark, "tags": {"of": mark}},
            pipeline_config={"model": f"model-{mark}"},
            input_context={"prompt_hash": "0" * 64, "prompt_plaintext": f"a film about {mark}"},
            output_manifest={
                "primary_output": {"url": f"ovpo://{_picture(tenant)}", "format": "webp", "checksum": f"md5:{'a' * 32}"}
            },
            **(about if number % 3 == 0 else {}),
        ),
        span(
            trace_id,
            span_id=span_id,
            name=f"span {mark}",
            status="OK",
            end_time="2026-11-21T12:00:09Z",
            attributes={"model.name": f"model-{mark}", "custom.of": mark, "gpu.model": "h100"},
        ),
        *frames,
    ]


def _picture(tenant: Tenant) -> str:
    return f"tenants/{tenant.name}/pictures/{tenant.mark}.webp"


def _alert(settings: Settings, tenant: Tenant, number: int) -> None:
    alert_id, notification_id = new_id(), new_id()
    given = {
        "alert_id": alert_id,
        "tenant": tenant.name,
        "mark": tenant.mark,
        "rule": f"rule-{number}-{tenant.mark[:40]}",
    }
    _sql(settings, ALERT, given)
    _sql(settings, TOLD, notification_id, tenant.name, alert_id, tenant.mark)
    tenant.ids.setdefault("alert_id", []).append(alert_id)
    tenant.ids.setdefault("notification_id", []).append(notification_id)


def _ask(settings: Settings, tenant: Tenant, port: int) -> None:
    """Save a view, ask for an inspection and a link, and look at a trace, so that each leaves its rows."""
    headers = {"Authorization": f"Bearer {tenant.keys[Role.ADMIN]}", "User-Agent": f"agent {tenant.mark}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as http:

        def post(path: str, wanted: dict[str, Any] | None = None) -> Any:
            answer = http.post(path, json=wanted)
            assert answer.status_code < 300, answer.text
            return answer.json()

        view = post("/v1/views", {"name": f"view {tenant.mark}", "query": {"model": tenant.mark}})
        inspection = post("/v1/platform/inspections")
        trace_id = tenant.ids["trace_id"][0]
        link = post("/v1/artifacts/signed-url", {"trace_id": trace_id, "uri": f"ovpo://{_picture(tenant)}"})
        seen = http.get(f"/v1/traces/{trace_id}")
        assert seen.status_code == 200
        assert tenant.mark in seen.text
        page = http.get("/v1/traces?limit=2").json()
        records = http.get("/v1/audit/records?limit=1").json()
        tenant.ids |= {
            "view_id": [view["view_id"]],
            "inspection_id": [inspection["inspection_id"]],
            "cursor": [page["next_cursor"], records["next_cursor"]],
            "audit_id": [record["audit_id"] for record in records["records"]],
            "link": [link["url"].partition("//")[2].partition("/")[2]],
        }
        shown = http.get(f"/{tenant.ids['link'][0]}")
        assert (shown.status_code, tenant.mark in shown.text) == (200, True), shown.text


def _lists(port: int, ours: Tenant, theirs: Tenant, platform: Tenant) -> Iterator[Listed]:
    """Begin every list in every order as each tenant."""
    orders = [f"order_by={one}&order_dir={direction}&" for one in OrderBy for direction in Direction]
    lists = [("/v1/traces", order, Role.VIEWER) for order in orders]
    lists += [("/v1/alerts", "", Role.VIEWER), ("/v1/keys", "", Role.ADMIN), ("/v1/audit/records", "", Role.ADMIN)]
    lists += [("/v1/tenants", "", Role.SUPER_ADMIN)]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
        for path, query, role in lists:
            owners = (platform, theirs) if role is Role.SUPER_ADMIN else (ours, theirs)
            given = [
                http.get(f"{path}?{query}limit=2", headers={"Authorization": f"Bearer {owner.keys[role]}"}).json()
                for owner in owners
            ]
            yield Listed(path, query, role, *(page["next_cursor"] for page in given))


def _sql(settings: Settings, statement: str, *given: Any) -> None:
    values = given[0] if given and isinstance(given[0], dict) else given
    with psycopg.connect(admin_conninfo(settings.postgres, settings.postgres.database)) as connection:
        connection.execute(statement.encode(), values)
