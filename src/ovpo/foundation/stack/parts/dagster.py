# SPDX-License-Identifier: Apache-2.0
"""Dagster: one code server a location, the page and the daemon, with their storage in PostgreSQL.

Page and daemon share the code servers by gRPC; each spawning its own copies would cost two more processes a location.
"""

import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import grpc
import psycopg
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ovpo.foundation.postgres.connect import conninfo, endpoint, password
from ovpo.foundation.settings import tree
from ovpo.foundation.settings.load import inherited_environment
from ovpo.foundation.settings.tree import LOOPBACK, Postgres, PostgresRole, Settings
from ovpo.foundation.stack.errors import StackError
from ovpo.foundation.stack.home import Home
from ovpo.foundation.stack.parts.kinds import Listener, Process
from ovpo.foundation.stack.parts.services import PATIENCE_SECONDS, answers
from ovpo.foundation.stack.wheels import script

CHECKOUT = Path(__file__).parents[5]
CONFIGURATION, WORKSPACE = "dagster.yaml", "workspace.yaml"
CPU, GPU, PAGE, DAEMON = "dagster-cpu", "dagster-gpu", "dagster", "dagster-daemon"
MODULES = {CPU: "ovpo_assets.definitions", GPU: "ovpo_assets.gpu"}
LOCATIONS = {CPU: "ovpo", GPU: "ovpo_gpu"}
GRPC_SERVICE = "DagsterApi"
STORAGE_EXISTS = "SELECT to_regclass('public.runs') IS NOT NULL AND to_regclass('public.daemon_heartbeats') IS NOT NULL"
AT_WORK = """
SELECT count(*) FROM runs JOIN run_tags USING (run_id)
WHERE status IN ('STARTING', 'STARTED', 'CANCELING') AND key = 'dagster/code_location' AND value = %s
"""
LOST_RUNS, POOLS = "resources.lost_runs", "resources.pools"
LIMITS = 'SELECT concurrency_key, "limit" FROM concurrency_limits WHERE NOT using_default_limit'
HEARTBEATS = "SELECT count(*) FROM daemon_heartbeats WHERE timestamp >= %s"
PAGE_URL = "http://{host}:{port}"


def project(settings: Settings) -> Path:
    """Find the folder that holds dagster.yaml and workspace.yaml."""
    folder = settings.dagster.project or CHECKOUT
    for name in (CONFIGURATION, WORKSPACE):
        if not (folder / name).is_file():
            raise StackError(f"{folder} holds no {name}; set OVPO_DAGSTER__PROJECT to a checkout of OVPO")
    return folder


def environment(settings: Settings, home: Home) -> dict[str, str]:
    """Give what dagster.yaml, workspace.yaml and the code servers read."""
    host, port = endpoint(settings.postgres)
    return {
        "DAGSTER_HOME": str(home.dagster),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "OVPO_HOME": str(home.root),
        "OVPO_DAGSTER_PG_HOST": host,
        "OVPO_DAGSTER_PG_PORT": str(port),
        "OVPO_DAGSTER_PG_DB": settings.postgres.dagster_database,
        "OVPO_DAGSTER_PG_USER": PostgresRole.DAGSTER.value,
        "OVPO_DAGSTER_PG_PASSWORD": password(settings.postgres, PostgresRole.DAGSTER),
        "OVPO_DAGSTER__CPU_PORT": str(settings.dagster.cpu_port),
        "OVPO_DAGSTER__GPU_PORT": str(settings.dagster.gpu_port),
        "OVPO_DAGSTER__GPU_SLOTS": str(settings.dagster.gpu_slots),
        "OVPO_DAGSTER__DECODE_SLOTS": str(settings.dagster.decode_slots),
    }


def prepare_home(settings: Settings, home: Home) -> None:
    """Put dagster.yaml where Dagster insists on finding it."""
    home.dagster.mkdir(exist_ok=True)
    shutil.copyfile(project(settings) / CONFIGURATION, home.dagster / CONFIGURATION)


def code_server(name: str, settings: Settings, home: Home, needs: frozenset[str]) -> Process:
    """Describe the server of one code location."""
    port, variable = {
        CPU: (settings.dagster.cpu_port, "OVPO_DAGSTER__CPU_PORT"),
        GPU: (settings.dagster.gpu_port, "OVPO_DAGSTER__GPU_PORT"),
    }[name]
    return Process(
        name=name,
        title=f"Dagster code server {MODULES[name]}",
        command=_dagster("dagster", "api", "grpc", "-h", LOOPBACK, "-p", str(port), "-m", MODULES[name]),
        listener=Listener(LOOPBACK, port, variable),
        ready=lambda: _serves(port),
        address=f"grpc://{LOOPBACK}:{port}",
        prepare=lambda: fail_lost_runs(settings, home, LOCATIONS[name]),
        environment=environment(settings, home),
        needs=needs,
    )


def page(settings: Settings, home: Home, needs: frozenset[str]) -> Process:
    """Describe the webserver."""
    port = settings.dagster.port
    url = PAGE_URL.format(host=LOOPBACK, port=port)
    flags = ("-h", LOOPBACK, "-p", str(port), "-w", str(project(settings) / WORKSPACE), "--suppress-warnings")
    return Process(
        name=PAGE,
        title="Dagster",
        command=_dagster("dagster-webserver", *flags),
        listener=Listener(LOOPBACK, port, "OVPO_DAGSTER__PORT"),
        ready=lambda: answers(f"{url}/server_info"),
        address=url,
        environment=environment(settings, home),
        needs=needs,
    )


def daemon(settings: Settings, home: Home, needs: frozenset[str]) -> Process:
    """Describe the daemon, which listens nowhere and shows that it lives by heartbeats in its database."""
    started: list[datetime] = []
    return Process(
        name=DAEMON,
        title="Dagster daemon",
        command=_dagster("dagster-daemon", "run", "-w", str(project(settings) / WORKSPACE)),
        listener=None,
        ready=lambda: _beats(settings.postgres, started[-1]),
        address="",
        prepare=lambda: started.append(datetime.now(UTC)),
        environment=environment(settings, home),
        needs=needs,
    )


def create_storage(settings: Settings, home: Home) -> str:
    """Create Dagster's tables before several processes start at once and race for it, and set its pools' limits."""
    prepare_home(settings, home)
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.DAGSTER)) as connection:
        there = connection.execute(STORAGE_EXISTS).fetchone() == (True,)
        limits: dict[str, int] = dict(connection.execute(LIMITS).fetchall()) if there else {}
    if not there:
        _run(settings, home, _dagster("dagster", "instance", "migrate"))
    # Asked here, because a process that opens Dagster's storage takes 3 s to start.
    if not pool_limits(settings.dagster).items() <= limits.items():
        _run(settings, home, (sys.executable, "-m", POOLS))
    return "there already" if there else "created"


def pool_limits(settings: tree.Dagster) -> dict[str, int]:
    """Tell how many steps of each pool may work at once; every other pool has the default of dagster.yaml."""
    return {"gpu": settings.gpu_slots, "decode": settings.decode_slots, "training": 1}


def fail_lost_runs(settings: Settings, home: Home, location: str) -> None:
    """Tell Dagster that the runs of a code server that ended have ended with it; else it waits minutes for them."""
    with psycopg.connect(conninfo(settings.postgres, PostgresRole.DAGSTER)) as connection:
        if connection.execute(AT_WORK, (location,)).fetchone() == (0,):
            return
    _run(settings, home, (sys.executable, "-m", LOST_RUNS, location))


def _run(settings: Settings, home: Home, command: tuple[str, ...]) -> None:
    """Run a command of Dagster's to its end."""
    done = subprocess.run(
        command,
        env={**inherited_environment(), **environment(settings, home)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StackError(f"Dagster's storage cannot be used: {(done.stderr or done.stdout).strip().splitlines()[-1]}")


def _dagster(program: str, *arguments: str) -> tuple[str, ...]:
    return (str(script(program, "dagster", "PATH")), *arguments)


def _serves(port: int) -> None:
    with grpc.insecure_channel(f"{LOOPBACK}:{port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = stub.Check(  # type: ignore[attr-defined]
            health_pb2.HealthCheckRequest(service=GRPC_SERVICE), timeout=PATIENCE_SECONDS
        )
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        raise ConnectionError(f"the code server on port {port} does not serve yet")


def _beats(settings: Postgres, since: datetime) -> None:
    with psycopg.connect(conninfo(settings, PostgresRole.DAGSTER)) as connection:
        row = connection.execute(HEARTBEATS, (since.replace(tzinfo=None),)).fetchone()
    if not row or not row[0]:
        raise ConnectionError("the daemon has sent no heartbeat yet")
