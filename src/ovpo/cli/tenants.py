# SPDX-License-Identifier: Apache-2.0
"""`ovpo tenants`: tenants and what is configured of them, asked of the query API."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

import typer
from msgspec import Struct

from ovpo.cli import words
from ovpo.cli.asking import make_sure
from ovpo.cli.client import Answer, path
from ovpo.cli.exits import CommandError, Exit
from ovpo.cli.listing import Listing, show_list
from ovpo.cli.options import As, Every, Key, Limit, Server, Yes, connected
from ovpo.cli.output import Column, Output, console, facts, print_rows

PATH: Final = "/v1/tenants"
_DAYS: Final = re.compile(r"([a-z_]{1,40})\.([a-z_]{1,40})=([0-9]{1,6})")


class Tier(StrEnum):
    """How fast a tenant may send and ask."""

    FREE = "free"
    PRO = "pro"
    ENTERPRISE = "enterprise"


class Tenant(Struct, frozen=True):
    """A tenant."""

    tenant_id: str
    name: str
    tier: str
    retention: dict[str, dict[str, int | None]]
    effective_retention: dict[str, dict[str, int | None]]
    hardware_profile: str | None
    legal_hold_default: bool
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    revision: int


Id = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's id.")]
AnyId = Annotated[str | None, typer.Argument(metavar="TENANT", help="The tenant's id; that of your key unless given.")]
Name = Annotated[str, typer.Option("--name", help="Its name, for people.")]
NewName = Annotated[str | None, typer.Option("--name", help="Its name, for people.")]
InTier = Annotated[Tier, typer.Option("--tier", help="How fast it may send and ask.")]
NewTier = Annotated[Tier | None, typer.Option("--tier", help="How fast it may send and ask.")]
Retention = Annotated[
    list[str] | None,
    typer.Option(
        "--retention",
        metavar="CLASS.STAGE=DAYS",
        help="Days that differ from the defaults, such as frames.purge_days=90; may be repeated.",
    ),
]
DefaultRetention = Annotated[bool, typer.Option("--default-retention", help="Go back to the default days.")]
HardwareName = Annotated[
    str | None, typer.Option("--hardware", help="Accelerator to count for spans that name none, such as rtx_4090.")
]
NoHardware = Annotated[bool, typer.Option("--no-hardware", help="Count no such accelerator any more.")]
Hold = Annotated[bool, typer.Option("--legal-hold/--no-legal-hold", help="Whether new traces are under legal hold.")]
NewHold = Annotated[
    bool | None, typer.Option("--legal-hold/--no-legal-hold", help="Whether new traces are under legal hold.")
]

COLUMNS: Final[Sequence[Column[Tenant]]] = (
    Column("tenant_id", lambda row: row.tenant_id, heading="tenant"),
    Column("name", lambda row: row.name),
    Column("tier", lambda row: row.tier),
    Column("hardware_profile", lambda row: row.hardware_profile, heading="hardware"),
    Column("legal_hold_default", lambda row: row.legal_hold_default, lambda held: "yes" if held else "no"),
    Column("retention", lambda row: _days(row.retention), lambda days: days or "default"),
    Column("created_at", lambda row: row.created_at, heading="opened"),
    Column("updated_at", lambda row: row.updated_at, in_table=False),
    Column("closed_at", lambda row: row.closed_at, heading="closed"),
    Column("revision", lambda row: row.revision, in_table=False),
)

app = typer.Typer(help="Open, configure and close tenants.", no_args_is_help=True)


@app.callback()
def tenants() -> None:
    """Open, configure and close tenants; it takes a key of the role super_admin, but for a look at one's own."""


@app.command("list")
def list_tenants(
    limit: Limit = None, every: Every = False, output: As = Output.TABLE, server: Server = None, key: Key = None
) -> None:
    """List every tenant, closed ones too, the newest first.

    Example: `ovpo tenants list --all -o csv`
    """
    with connected(server, key) as api:
        show_list(api, Listing(PATH, "tenants", Tenant, COLUMNS, "No tenants."), {}, output, limit=limit, every=every)


@app.command()
def show(tenant_id: AnyId = None, output: As = Output.TABLE, server: Server = None, key: Key = None) -> None:
    """Show a tenant, that of your key unless another is named: its tier, how long its data is kept.

    Example: `ovpo tenants show`
    """
    with connected(server, key) as api:
        _print(api.get("/v1/tenant" if tenant_id is None else path("v1", "tenants", tenant_id)), output)


@app.command()
def create(
    tenant_id: Id,
    name: Name,
    tier: InTier = Tier.FREE,
    retention: Retention = None,
    hardware: HardwareName = None,
    legal_hold: Hold = False,
    output: As = Output.TABLE,
    server: Server = None,
    key: Key = None,
) -> None:
    """Open a tenant. It has no key yet: `ovpo keys create --tenant` makes one.

    Example: `ovpo tenants create acme-video --name "Acme Video" --tier pro --retention frames.purge_days=90`
    """
    wanted = {
        "tenant_id": tenant_id,
        "name": name,
        "tier": tier.value,
        "retention": _read(retention or []),
        "hardware_profile": hardware,
        "legal_hold_default": legal_hold,
    }
    with connected(server, key) as api:
        _print(api.post(PATH, wanted), output)


@app.command()
def update(
    tenant_id: Id,
    name: NewName = None,
    tier: NewTier = None,
    retention: Retention = None,
    default_retention: DefaultRetention = False,
    hardware: HardwareName = None,
    no_hardware: NoHardware = False,
    legal_hold: NewHold = None,
    output: As = Output.TABLE,
    server: Server = None,
    key: Key = None,
) -> None:
    """Configure a tenant; what is not named stays. `--retention` gives all days that differ, those set before too.

    Example: `ovpo tenants update acme-video --tier enterprise --hardware h100`
    """
    if (retention and default_retention) or (hardware and no_hardware):
        raise CommandError("--retention and --hardware contradict --default-retention and --no-hardware", Exit.USAGE)
    wanted: dict[str, Any] = {
        name: value
        for name, value in {
            "name": name,
            "tier": tier.value if tier else None,
            "retention": {} if default_retention else _read(retention) if retention else None,
            "hardware_profile": hardware,
            "legal_hold_default": legal_hold,
        }.items()
        if value is not None
    } | ({"hardware_profile": None} if no_hardware else {})
    if not wanted:
        raise CommandError("name what is to change; `ovpo tenants update --help` lists it", Exit.USAGE)
    with connected(server, key) as api:
        _print(api.patch(path("v1", "tenants", tenant_id), wanted), output)


@app.command()
def close(tenant_id: Id, yes: Yes = False, output: As = Output.TABLE, server: Server = None, key: Key = None) -> None:
    """Close a tenant: its keys stop at once, its data stays for retention, its id is never given again.

    Example: `ovpo tenants close acme-video`
    """
    make_sure(f"Close the tenant {words.printable(tenant_id)} for ever?", yes=yes)
    with connected(server, key) as api:
        _print(api.delete(path("v1", "tenants", tenant_id)), output)


def _read(given: Sequence[str]) -> dict[str, dict[str, int]]:
    """Read days by class of data and stage; whether there are such is the API's to say."""
    days: dict[str, dict[str, int]] = {}
    for text in given:
        found = _DAYS.fullmatch(text)
        if found is None:
            raise CommandError(
                f"--retention takes CLASS.STAGE=DAYS, such as frames.purge_days=90, not {text[:60]!r}", Exit.USAGE
            )
        days.setdefault(found[1], {})[found[2]] = int(found[3])
    return days


def _days(retention: Mapping[str, Mapping[str, int | None]]) -> str:
    set_days = [
        f"{name}.{stage}={days}"
        for name, stages in retention.items()
        for stage, days in stages.items()
        if days is not None
    ]
    return ", ".join(set_days)


def _print(answer: Answer, output: Output) -> None:
    tenant = answer.read(Tenant)
    if output is not Output.TABLE:
        print_rows([tenant], COLUMNS, output, answer.raw)
        return
    kept = [
        (f"keeps {name.replace('_', ' ')}", _stages(stages, tenant.retention.get(name, {})))
        for name, stages in tenant.effective_retention.items()
    ]
    console().print(
        facts(
            [
                ("tenant", tenant.tenant_id),
                ("name", tenant.name),
                ("tier", tenant.tier),
                ("hardware", tenant.hardware_profile or words.UNKNOWN),
                ("legal hold", "new traces are under it" if tenant.legal_hold_default else "no"),
                *kept,
                ("opened", words.moment(tenant.created_at)),
                ("changed", words.moment(tenant.updated_at)),
                ("closed", words.moment(tenant.closed_at) if tenant.closed_at else None),
            ]
        )
    )


def _stages(effective: Mapping[str, int | None], given: Mapping[str, int | None]) -> str:
    """Give the days of each stage; those that the tenant set are marked."""
    said = [
        f"{stage.removesuffix('_days')} {days} d{' (set)' if given.get(stage) is not None else ''}"
        for stage, days in effective.items()
        if days is not None
    ]
    return ", ".join(said) or "as long as its owner wants"
