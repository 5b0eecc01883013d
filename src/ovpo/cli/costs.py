# SPDX-License-Identifier: Apache-2.0
"""`ovpo costs`: what traces cost in compute units, asked of the query API."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import typer
from msgspec import Struct
from rich.text import Text

from ovpo.cli import words
from ovpo.cli.exits import CommandError, Exit
from ovpo.cli.options import As, Key, Server, checked_id, connected
from ovpo.cli.output import Column, Output, console, print_rows
from ovpo.cli.words import short_kind

PATH: Final = "/v1/analytics/costs/calculate"


class KindCost(Struct, frozen=True):
    """What the spans of a kind cost."""

    span_kind: str
    spans: int
    duration_ms: float
    units: float


class TraceCost(Struct, frozen=True):
    """What a trace costs."""

    trace_id: str
    units: float
    kinds: list[KindCost]
    unknown_hardware_spans: int


class Costs(Struct, frozen=True):
    """What traces cost."""

    pricing_profile: str
    factors_version: str
    total_units: float
    traces_found: int
    not_found: list[str]
    traces: list[TraceCost]


@dataclass(frozen=True, slots=True)
class CostRow:
    """A kind of span of a trace."""

    trace_id: str
    kind: KindCost


Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Whole ids of traces.")]
Profile = Annotated[str, typer.Option("--profile", help="The set of hardware factors to count by.")]

COLUMNS: Final[Sequence[Column[CostRow]]] = (
    Column("trace_id", lambda row: row.trace_id, heading="trace"),
    Column("span_kind", lambda row: row.kind.span_kind, short_kind, heading="kind"),
    Column("spans", lambda row: row.kind.spans, right=True),
    Column("duration_ms", lambda row: row.kind.duration_ms, words.duration, right=True, heading="took"),
    Column("units", lambda row: row.kind.units, right=True),
)

app = typer.Typer(help="See what traces cost.", no_args_is_help=True)


@app.callback()
def costs() -> None:
    """See what traces cost."""


@app.command()
def calculate(
    ids: Ids, profile: Profile = "default", output: As = Output.TABLE, server: Server = None, key: Key = None
) -> None:
    """Price traces in compute units: seconds times devices times the factor of their hardware. A unit is no money.

    Exits with 3 when one of them is not there; the others are priced.
    Example: `ovpo costs calculate 5d8f4c3e-2b1a-4f6e-9c7d-8a9b0c1d2e3f`
    """
    asked = {"trace_ids": [checked_id(one) for one in ids], "pricing_profile": profile}
    with connected(server, key) as api:
        answer = api.post(PATH, asked)
    found = answer.read(Costs)
    print_rows(list(_rows(found)), COLUMNS, output, answer.raw)
    if output is Output.TABLE and found.traces:
        counted = f"{words.number(found.total_units)} units for {words.count(found.traces_found, 'trace')}"
        factors = words.printable(f"by factors {found.factors_version} of the profile {found.pricing_profile}")
        console().print(Text(f"{counted}, {factors}."))
        unknown = sum(trace.unknown_hardware_spans for trace in found.traces)
        if unknown:
            spans = words.count(unknown, "span")
            console().print(Text(f"{spans} ran on hardware that the profile does not name.", "yellow"))
    if found.not_found:
        raise CommandError(
            f"your tenant has no trace {', '.join(map(words.printable, found.not_found))}", Exit.NOT_FOUND
        )


def _rows(found: Costs) -> Iterator[CostRow]:
    for trace in found.traces:
        for kind in trace.kinds:
            yield CostRow(trace.trace_id, kind)
