# SPDX-License-Identifier: Apache-2.0
"""Every setting of OVPO as one frozen, typed tree.

A field's description is what `.env.example` and `ovpo config show` print, so it is written for the person who sets it.
Where the values come from is the business of `load`; how a wrong one is reported that of `faults`.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from ovpo.foundation.settings.addresses import BrokerUrl, HttpUrl, ObjectsUrl, PostgresUrl, ValkeyUrl

Port = Annotated[int, Field(ge=1, le=65_535)]
AbsolutePath = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]
LOOPBACK = "127.0.0.1"


class PostgresRole(StrEnum):
    """The database roles; each part of the system connects as the weakest that does its work."""

    MIGRATE = "ovpo_migrate"
    COLLECT = "ovpo_collect"
    PROCESS = "ovpo_process"
    QUERY = "ovpo_query"
    GOVERN = "ovpo_govern"
    DAGSTER = "ovpo_dagster"


class LogFormat(StrEnum):
    """How log lines look."""

    JSON = "json"
    CONSOLE = "console"


class LogLevel(StrEnum):
    """The least severe line that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Executor(StrEnum):
    """Where the steps of the GPU location run."""

    IN_PROCESS = "in_process"
    K8S = "k8s"


class Section(BaseModel):
    """One branch of the tree: frozen, and a name that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Log(Section):
    """What the services log."""

    level: LogLevel = Field(LogLevel.INFO, description="Least severe line that is logged")
    format: LogFormat = Field(LogFormat.JSON, description="One JSON object per line, or coloured lines for a person")


class RolePasswords(Section):
    """A password for each database role."""

    migrate: SecretStr = Field(SecretStr(""), description="Password of ovpo_migrate, the owner of the tables")
    collect: SecretStr = Field(SecretStr(""), description="Password of ovpo_collect, used by the collector")
    process: SecretStr = Field(SecretStr(""), description="Password of ovpo_process, used by processor and assets")
    query: SecretStr = Field(SecretStr(""), description="Password of ovpo_query, used by the query API")
    govern: SecretStr = Field(SecretStr(""), description="Password of ovpo_govern, used to administer every tenant")
    dagster: SecretStr = Field(SecretStr(""), description="Password of ovpo_dagster, the owner of Dagster's database")


class Postgres(Section):
    """Metadata, ledger, requests, audit and Dagster's storage."""

    url: PostgresUrl | None = Field(
        None, description="A PostgreSQL of yours (15 or newer), with a login that may create roles; empty: embedded"
    )
    port: Port = Field(15_432, description="Loopback port of the embedded PostgreSQL")
    database: str = Field("ovpo", pattern=r"^[a-z_][a-z0-9_]{0,62}$", description="Database of OVPO's own tables")
    dagster_database: str = Field(
        "dagster", pattern=r"^[a-z_][a-z0-9_]{0,62}$", description="Database of Dagster's run and event storage"
    )
    admin_password: SecretStr = Field(SecretStr(""), description="Superuser's password of the embedded PostgreSQL")
    passwords: RolePasswords = RolePasswords()
    pool_size: int = Field(10, ge=1, le=200, description="Most connections that one service holds open")


class ClickHouse(Section):
    """Frame events, metrics and roll-ups."""

    url: HttpUrl | None = Field(None, description="A ClickHouse of yours, http(s)://host:port; empty: embedded")
    port: Port = Field(18_123, description="Loopback port of the embedded ClickHouse")
    database: str = Field("ovpo", pattern=r"^[a-z_][a-z0-9_]{0,62}$", description="Database of OVPO's tables")
    user: str = Field("ovpo", min_length=1, description="User that OVPO connects as")
    password: SecretStr = Field(SecretStr(""), description="That user's password")
    pool_size: int = Field(8, ge=1, le=100, description="Most queries that one service asks at once")


class Broker(Section):
    """The queue between the services."""

    url: BrokerUrl | None = Field(
        None,
        description="A broker of yours, nats://, amqp:// or kafka://host:port[,...]; with TLS tls://, amqps:// or "
        "kafkas://; empty: embedded NATS",
    )
    port: Port = Field(14_222, description="Loopback port of the embedded NATS server")
    user: str = Field("ovpo", min_length=1, description="User that OVPO connects as")
    password: SecretStr = Field(SecretStr(""), description="That user's password")
    replicas: int = Field(1, ge=1, le=5, description="Copies that the broker keeps of each message")


class Cache(Section):
    """Rate limits, short-lived answers and the fast path of idempotency."""

    url: ValkeyUrl | None = Field(None, description="Your Valkey or Redis, redis(s)://host:port/0; empty: embedded")
    port: Port = Field(16_379, description="Loopback port of the embedded Valkey")
    password: SecretStr = Field(SecretStr(""), description="The server's password")


class Objects(Section):
    """Artifacts: thumbnails, reports, weights."""

    url: ObjectsUrl | None = Field(
        None,
        description="Where artifacts live: file:///folder, gs://bucket/prefix or s3://bucket/prefix; empty: a folder",
    )
    signing_key: SecretStr = Field(SecretStr(""), description="Secret that signs links to objects of the folder store")
    public_url: HttpUrl | None = Field(
        None, description="Address under which browsers reach the query API's signed links; empty: its loopback address"
    )
    service_account: Path | None = Field(None, description="Google service account file for gs://; empty: ambient")
    endpoint: HttpUrl | None = Field(None, description="S3 or GCS endpoint other than the cloud's own")
    region: str = Field("us-east-1", min_length=1, description="S3 region")
    access_key_id: str = Field("", description="S3 access key; empty: the ambient credentials")
    secret_access_key: SecretStr = Field(SecretStr(""), description="S3 secret key")


class Artifacts(Section):
    """Artifacts that senders keep outside the own store."""

    roots: str = Field(
        "",
        pattern=r"^((s3|gs|azure|file)://[^\s,]+(,(s3|gs|azure|file)://[^\s,]+)*)?$",
        description="What links may be signed for besides the own store, joined by commas: s3://bucket/prefix, gs://bucket,"
        " azure://container, and file:///folder where the own store is a folder; {tenant_id} stands for a tenant's id,"
        " and what lies in a root without it may be read by every tenant whose trace names it",
    )
    azure_account: str = Field("", description="Azure storage account of the azure:// roots")
    azure_key: SecretStr = Field(SecretStr(""), description="That account's key; empty: the ambient credentials")


class Query(Section):
    """The query API."""

    host: str = Field(LOOPBACK, min_length=1, description="Address that the query API listens on")
    port: Port = Field(8000, description="Port of the query API")
    tiers: Path | None = Field(
        None, description="File of the tenants' request rates by tier (TOML); empty: the one that comes with OVPO"
    )
    pricing: Path | None = Field(
        None,
        description="File of further sets of factors to price traces by (TOML); empty: the one that comes with OVPO",
    )


class Collector(Section):
    """The collector: where telemetry comes in."""

    host: str = Field(LOOPBACK, min_length=1, description="Address that the collector listens on")
    port: Port = Field(8001, description="Port of the collector")
    tiers: Path | None = Field(
        None, description="File of the tenants' ingest rates by tier (TOML); empty: the one that comes with OVPO"
    )
    body_timeout_seconds: float = Field(30.0, gt=0, le=600, description="Longest that a batch may take to arrive")
    publish_timeout_seconds: float = Field(
        10.0, gt=0, le=120, description="Longest that the broker may take to confirm a batch"
    )
    idempotency_hours: int = Field(24, ge=24, le=720, description="How long the answer of an idempotency key is kept")


class Processor(Section):
    """The processor: from the queue into the stores. It has no API; its port is for probes and numbers."""

    host: str = Field(LOOPBACK, min_length=1, description="Address on which the processor tells its state and numbers")
    port: Port = Field(8004, description="Port of the processor; another one for each processor of a machine")
    hardware: Path | None = Field(
        None, description="File of the factors of compute units (TOML); empty: the one that comes with OVPO"
    )


class Audit(Section):
    """The audit chain."""

    signing_key: SecretStr = Field(SecretStr(""), description="Secret that signs seals and exports of the audit chain")
    key_id: str = Field(
        "ovpo-1",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Name of that secret, kept with each signature; a new secret takes a new name",
    )
    former_keys: Path | None = Field(
        None, description='File of the secrets that signed before (TOML, lines of "name" = "secret"); empty: none'
    )


class Dagster(Section):
    """The orchestrator."""

    port: Port = Field(3000, description="Port of Dagster's page")
    cpu_port: Port = Field(13_001, description="Loopback port of the CPU location's code server")
    gpu_port: Port = Field(13_002, description="Loopback port of the GPU location's code server")
    automation: bool = Field(True, description="Start schedules and sensors together with the stack")
    gpu_slots: int = Field(
        1, ge=1, le=1000, description="Steps that use a GPU at once, over all runs; set at each start"
    )
    decode_slots: int = Field(
        2, ge=1, le=1000, description="Steps that decode videos at once, over all runs; set at each start"
    )
    project: Path | None = Field(
        None, description="Folder that holds dagster.yaml and workspace.yaml; empty: the checkout that ovpo runs from"
    )


class Stack(Section):
    """The embedded stack."""

    start_timeout_seconds: int = Field(90, ge=5, le=900, description="Longest that a part may take to become ready")
    stop_timeout_seconds: int = Field(15, ge=1, le=300, description="Longest that a part may take to stop by itself")
    least_free_mb: int = Field(512, ge=0, description="Free disk space without which the stack does not start")


class Seed(Section):
    """What a new data directory is given so that it can be used at once."""

    tenant: str = Field("demo", pattern=r"^[a-z0-9-]{1,128}$", description="Id of the first tenant")
    tenant_name: str = Field("Demo", min_length=1, max_length=200, description="Its name for people")


class Alerts(Section):
    """When somebody is told, and who."""

    rules: Path | None = Field(
        None, description="File of alert rules and of who is told (YAML); empty: the one that comes with OVPO"
    )


class SopEmbedder(StrEnum):
    """What turns pictures into numbers."""

    HEURISTIC = "heuristic"
    VJEPA2 = "vjepa2"


class Sop(Section):
    """Scoring of procedures: what comes in by itself, how it is embedded, when adapters are trained; and its API."""

    host: str = Field(LOOPBACK, min_length=1, description="Address that the SOP API listens on")
    port: Port = Field(8003, description="Port of the SOP API")
    tiers: Path | None = Field(
        None, description="File of the tenants' request rates by tier (TOML); empty: the one that comes with OVPO"
    )
    inbox: str = Field(
        "",
        pattern=r"^(|/.*|(gs|s3)://[^\s/@:]+(/.*)?)$",
        description="What is watched for videos: an absolute path, gs://bucket/prefix or s3://bucket/prefix; empty: the"
        " folder `inbox` below OVPO_HOME",
    )
    inbox_tenant: str = Field(
        "", pattern=r"^[a-z0-9-]{0,128}$", description="Tenant of what the inbox holds; empty: the first tenant"
    )
    folder_pattern: str = Field(
        r"(?P<task>[^/]+)/(?P<role>gold|trainee)/(?P<file>[^/]+)",
        description="Path of a video below the inbox as a regular expression; takes the groups task, role, file, and"
        " where you have them site, camera and operator",
    )
    name_pattern: str = Field(
        r"(?:.*/)?(?P<task>[^/]+?)(?:--[^/]+)?_(?P<role>gold|trainee)\.[^/.]+",
        description="The same for videos that the first does not fit, such as coffee--anna_trainee.mp4; empty: none",
    )
    settle_seconds: float = Field(
        5.0, ge=0, le=3600, description="How long a file in the inbox must have stayed the same before it is taken"
    )
    most_upload_mb: int = Field(4096, ge=1, le=1_048_576, description="Largest video that is taken")
    embedder: SopEmbedder = Field(SopEmbedder.HEURISTIC, description="What turns pictures into numbers")
    model: str = Field(
        "facebook/vjepa2-vitl-fpc64-256", min_length=1, description="vjepa2 only: a folder, or a name on the hub"
    )
    workers: int = Field(2, ge=1, le=64, description="Videos that one run works on at once")
    training_cron: str = Field(
        "0 2 * * *", pattern=r"^(\S+ ){4}\S+$", description="When adapters are trained (cron, UTC)"
    )
    least_new_golds: int = Field(
        3, ge=1, le=10_000, description="New gold videos without which the nightly training is left out"
    )
    masks: Path | None = Field(None, description="File of the masks of each camera (YAML); empty: nothing is masked")
    keep_originals: bool = Field(
        False,
        description="Keep the unmasked video too, for those whose role may see it; else only the masked one stays",
    )


class Platform(Section):
    """How OVPO looks after itself."""

    run_history_days: int = Field(90, ge=1, le=3650, description="Dagster runs older than this are deleted")
    stuck_after_minutes: int = Field(60, ge=1, le=100_000, description="Unfinished work older than this is a warning")
    most_attempts: int = Field(3, ge=1, le=20, description="Attempts after which an item of work is given up as failed")
    store_deadline_seconds: float = Field(3.0, gt=0, le=60, description="Longest that a store may take to answer")


class Settings(BaseSettings):
    """The whole tree. `OVPO_` and the path joined by `__` name a field: `OVPO_POSTGRES__PORT`."""

    model_config = SettingsConfigDict(
        env_prefix="OVPO_", env_nested_delimiter="__", env_ignore_empty=True, frozen=True, extra="forbid"
    )

    home: AbsolutePath = Field(Path(".ovpo"), description="Data directory: everything that OVPO keeps lies below it")
    executor: Executor = Field(Executor.IN_PROCESS, description="Where the GPU location's steps run")
    log: Log = Log()
    postgres: Postgres = Postgres()
    clickhouse: ClickHouse = ClickHouse()
    broker: Broker = Broker()
    cache: Cache = Cache()
    objects: Objects = Objects()
    artifacts: Artifacts = Artifacts()
    query: Query = Query()
    collector: Collector = Collector()
    processor: Processor = Processor()
    audit: Audit = Audit()
    dagster: Dagster = Dagster()
    stack: Stack = Stack()
    seed: Seed = Seed()
    alerts: Alerts = Alerts()
    sop: Sop = Sop()
    platform: Platform = Platform()
