# SPDX-License-Identifier: Apache-2.0
"""`ovpo analytics`: where the time goes, how quality moves, how much goes through, asked of the query API."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

import typer
from msgspec import Struct
from rich.console import Console
from rich.text import Text

from ovpo.cli import words
from ovpo.cli.options import As, Key, Server, Since, Until, connected, names_of, now, when
from ovpo.cli.output import Column, Output, console, print_rows
from ovpo.cli.words import short_kind

PATH: Final = "/v1/analytics"
_QUESTIONS: Final = "ovpo.telemetry.analytics.questions"


class Bucket(StrEnum):
    """How a stretch of time is divided."""

    HOUR = "hour"
    DAY = "day"


class GroupBy(StrEnum):
    """What else rows are divided by."""

    MODEL = "model"


class Kind(Struct, frozen=True):
    """What spans of a kind took."""

    span_kind: str
    model: str | None
    traces: int
    count: int
    errors: int
    share: float
    total_ms: float
    avg_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


class Bottlenecks(Struct, frozen=True):
    """Where the time goes."""

    start_date: datetime
    end_date: datetime
    traces: int
    traces_without_spans: int
    kinds: list[Kind]
    more: bool


class QualityBucket(Struct, frozen=True):
    """A metric in one hour or day."""

    start: datetime
    traces: int
    values: int
    mean: float | None


class ChangePoint(Struct, frozen=True):
    """Where a metric's level changed."""

    at: datetime
    before: float
    after: float
    difference: float


class Quality(Struct, frozen=True):
    """A metric over time."""

    start_date: datetime
    end_date: datetime
    traces: int
    metric: str
    values: int
    mean: float | None
    buckets: list[QualityBucket]
    change_points: list[ChangePoint]


class Flow(Struct, frozen=True):
    """How much went through; `start` where it is that of one hour or day."""

    traces: int
    by_status: dict[str, int]
    orphans: int
    by_failure: dict[str, int]
    spans: int
    frames: int
    frame_events: int
    units: float
    p50_total_ms: float | None
    p95_total_ms: float | None
    start: datetime | None = None


class Throughput(Struct, frozen=True):
    """How much went through, over time."""

    start_date: datetime
    end_date: datetime
    traces: int
    total: Flow
    buckets: list[Flow]


Status = Annotated[str | None, typer.Option("--status", help="Of traces of any of these, with commas.")]
Tag = Annotated[list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="With this tag; may be repeated.")]
Model = Annotated[str | None, typer.Option("--model", help="Of this model.")]
Project = Annotated[str | None, typer.Option("--project", help="Whose cost is put down to this project.")]
By = Annotated[GroupBy | None, typer.Option("--group-by", help="A row for each model and kind.")]
Metric = Annotated[
    str,
    typer.Argument(
        help="The quality metric: aesthetic_score, temporal_consistency …",
        autocompletion=names_of(_QUESTIONS, "QualityMetric"),
    ),
]
Divided = Annotated[Bucket, typer.Option("--bucket", help="How the window is divided; by hour, 62 days at most.")]

app = typer.Typer(help="See where time goes, how quality moves, and how much goes through.", no_args_is_help=True)


@app.callback()
def analytics() -> None:
    """See where time goes, how quality moves, and how much goes through; the last 30 days unless told otherwise."""


@app.command()
def bottlenecks(
    since: Since = None,
    until: Until = None,
    status: Status = None,
    tag: Tag = None,
    model: Model = None,
    project: Project = None,
    group_by: By = None,
    output: As = Output.TABLE,
    server: Server = None,
    key: Key = None,
) -> None:
    """Show which kinds of span take the time: their share, their mean, and how slow the slowest are.

    Example: `ovpo analytics bottlenecks --since 7d --group-by model`
    """
    query = {
        **_window(since, until),
        "status": status and status.upper(),
        "tags": ",".join(tag) if tag else None,
        "model": model,
        "project": project,
        "group_by": group_by,
    }
    with connected(server, key) as api:
        answer = api.get(f"{PATH}/bottlenecks", query)
    found = answer.read(Bottlenecks)
    print_rows(found.kinds, _kinds(by_model=group_by is not None), output, answer.raw)
    if output is Output.TABLE:
        without = f", {found.traces_without_spans:,} of them without spans" if found.traces_without_spans else ""
        _print_window(console(), found.start_date, found.end_date, f"{words.count(found.traces, 'trace')}{without}")
        if found.more:
            typer.echo("There are further rows, each of which took less time; narrow with --model or --project.")


@app.command()
def quality(
    metric: Metric,
    since: Since = None,
    until: Until = None,
    model: Model = None,
    bucket: Divided = Bucket.DAY,
    output: As = Output.TABLE,
    server: Server = None,
    key: Key = None,
) -> None:
    """Show a quality metric over time, and where its level changed.

    Example: `ovpo analytics quality aesthetic_score --since 7d --bucket hour`
    """
    query = {**_window(since, until), "metric": metric, "model": model, "bucket": bucket}
    with connected(server, key) as api:
        answer = api.get(f"{PATH}/quality", query)
    found = answer.read(Quality)
    print_rows(found.buckets, BUCKETS, output, answer.raw)
    if output is Output.TABLE:
        _print_quality(console(), found)


@app.command()
def throughput(
    since: Since = None,
    until: Until = None,
    model: Model = None,
    project: Project = None,
    bucket: Divided = Bucket.DAY,
    output: As = Output.TABLE,
    server: Server = None,
    key: Key = None,
) -> None:
    """Count traces over time: how they ended, what they made, how long they took.

    Example: `ovpo analytics throughput --since 24h --bucket hour`
    """
    query = {**_window(since, until), "model": model, "project": project, "bucket": bucket}
    with connected(server, key) as api:
        answer = api.get(f"{PATH}/throughput", query)
    found = answer.read(Throughput)
    print_rows(found.buckets, FLOWS, output, answer.raw)
    if output is Output.TABLE:
        ends = {**found.total.by_status, "of unknown end": found.total.orphans, **found.total.by_failure}
        said = ", ".join(f"{count:,} {words.printable(name)}" for name, count in ends.items() if count)
        ended = f": {said}" if said else ""
        _print_window(console(), found.start_date, found.end_date, f"{words.count(found.traces, 'trace')}{ended}")


def _window(since: str | None, until: str | None) -> dict[str, Any]:
    at = now()
    return {"start_date": when("--since", since, at), "end_date": when("--until", until, at)}


def _print_window(screen: Console, start: datetime, end: datetime, said: str) -> None:
    screen.print(Text(f"{said}, from {words.moment(start)} to {words.moment(end)}.", "dim"))


def _print_quality(screen: Console, found: Quality) -> None:
    if not found.buckets:
        _print_window(screen, found.start_date, found.end_date, f"No frame has {words.printable(found.metric)}")
        return
    screen.print(Text(words.sparkline([bucket.mean for bucket in found.buckets]), "cyan"))
    for change in found.change_points:
        rise = "rises" if change.difference > 0 else "falls"
        levels = f"{words.number(change.before)} to {words.number(change.after)}"
        screen.print(Text(f"{words.moment(change.at)}: {rise} from {levels} for good", "yellow"))
    seen = f"{words.count(found.values, 'value')} of {words.count(found.traces, 'trace')}"
    _print_window(screen, found.start_date, found.end_date, f"{seen}, {words.number(found.mean)} on average")


def _kinds(*, by_model: bool) -> Sequence[Column[Kind]]:
    return (
        Column("span_kind", lambda row: row.span_kind, short_kind, heading="kind"),
        Column("model", lambda row: row.model, lambda name: name or words.UNKNOWN, in_table=by_model),
        Column("share", lambda row: row.share, words.share, right=True),
        Column("total_ms", lambda row: row.total_ms, words.duration, right=True, heading="in all"),
        Column("traces", lambda row: row.traces, right=True),
        Column("count", lambda row: row.count, right=True, heading="spans"),
        Column("errors", lambda row: row.errors, right=True),
        Column("avg_ms", lambda row: row.avg_ms, words.duration, right=True, heading="mean"),
        Column("p50_ms", lambda row: row.p50_ms, words.duration, right=True, heading="p50"),
        Column("p95_ms", lambda row: row.p95_ms, words.duration, right=True, heading="p95"),
        Column("p99_ms", lambda row: row.p99_ms, words.duration, right=True, heading="p99"),
        Column("max_ms", lambda row: row.max_ms, words.duration, right=True, heading="most"),
    )


BUCKETS: Final[Sequence[Column[QualityBucket]]] = (
    Column("start", lambda row: row.start, heading="from"),
    Column("traces", lambda row: row.traces, right=True),
    Column("values", lambda row: row.values, right=True),
    Column("mean", lambda row: row.mean, right=True),
)
FLOWS: Final[Sequence[Column[Flow]]] = (
    Column("start", lambda row: row.start, heading="from"),
    Column("traces", lambda row: row.traces, right=True),
    Column("completed", lambda row: row.by_status.get("COMPLETED", 0), right=True),
    Column("partial", lambda row: row.by_status.get("PARTIAL", 0), right=True),
    Column("failed", lambda row: row.by_status.get("FAILED", 0), right=True),
    Column("timeout", lambda row: row.by_status.get("TIMEOUT", 0), right=True),
    Column("cancelled", lambda row: row.by_status.get("CANCELLED", 0), right=True),
    Column("generating", lambda row: row.by_status.get("GENERATING", 0), in_table=False),
    Column("pending", lambda row: row.by_status.get("PENDING", 0), in_table=False),
    Column("orphans", lambda row: row.orphans, in_table=False),
    Column("spans", lambda row: row.spans, in_table=False),
    Column("frames", lambda row: row.frames, right=True),
    Column("frame_events", lambda row: row.frame_events, in_table=False),
    Column("units", lambda row: row.units, right=True),
    Column("p50_total_ms", lambda row: row.p50_total_ms, words.duration, right=True, heading="p50"),
    Column("p95_total_ms", lambda row: row.p95_total_ms, words.duration, right=True, heading="p95"),
)
