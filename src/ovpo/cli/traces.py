# SPDX-License-Identifier: Apache-2.0
"""`ovpo traces`: the list of traces, one trace, its frames, two side by side, asked of the query API."""

from collections.abc import Sequence
from typing import Annotated, Final

import typer

from ovpo.cli import words
from ovpo.cli.answers import Span, Timeline, TraceDetail, TraceRow
from ovpo.cli.client import path
from ovpo.cli.compare_view import DIFFERENCES, Comparison, differences, print_comparison
from ovpo.cli.exits import CommandError, Exit
from ovpo.cli.listing import Listing, show_list
from ovpo.cli.options import (
    As,
    Every,
    Key,
    Limit,
    Server,
    Since,
    TraceId,
    Until,
    checked_id,
    connected,
    names_of,
    now,
    when,
)
from ovpo.cli.output import Column, Output, console, print_rows
from ovpo.cli.timeline import columns_of, points_of
from ovpo.cli.trace_view import print_trace
from ovpo.cli.words import short_kind

PATH: Final = "/v1/traces"
WIDE: Final = 132
"""A terminal of so many columns shows whole ids beside the rest of a row."""
SHORT: Final = 8
MOST_POINTS: Final = 60
LEAST_POINTS: Final = 10
BESIDE_A_LINE: Final = 48
"""Columns that a metric's name and its least and greatest value take beside its line."""
_CONTRACT: Final = "ovpo.telemetry.contract.records"

Status = Annotated[
    str | None,
    typer.Option(
        "--status",
        help="Any of these, with commas: COMPLETED, FAILED, PARTIAL …",
        autocompletion=names_of(_CONTRACT, "TraceStatus"),
    ),
]
Tag = Annotated[list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="With this tag; may be repeated.")]
Model = Annotated[str | None, typer.Option("--model", help="Of this model.")]
Project = Annotated[str | None, typer.Option("--project", help="Whose cost is put down to this project.")]
Kinds = Annotated[
    str | None,
    typer.Option(
        "--span-kind",
        help="With a span of each of these, with commas: SAMPLING, DECODE …",
        autocompletion=names_of(_CONTRACT, "SpanKind", prefix="SPAN_KIND_"),
    ),
]
Violations = Annotated[
    str | None, typer.Option("--violations", metavar="N", help="With so many broken invariants: '>0', '=0', '>=3'.")
]
FailureKinds = Annotated[
    str | None,
    typer.Option(
        "--failure-kind",
        help="Failed in any of these ways, with commas: oom, timeout, crash …",
        autocompletion=names_of(_CONTRACT, "FailureKind"),
    ),
]
OrderBy = Annotated[
    str | None,
    typer.Option(
        "--order-by",
        help="The column to order by: created_at unless given; total_ms, compute_units, violations …",
        autocompletion=names_of("ovpo.telemetry.query.questions", "OrderBy"),
    ),
]
Descending = Annotated[bool | None, typer.Option("--desc/--asc", help="The greatest first, which is so unless given.")]
Cursor = Annotated[
    str | None, typer.Option("--cursor", help="`next_cursor` of a page that came as JSON, for the page after it.")
]
Events = Annotated[int, typer.Option("--events", min=0, max=10_000, help="Show so many of its frame events too.")]
Metrics = Annotated[
    str | None, typer.Option("--metrics", help="Which numbers, with commas: vram_used_mb, aesthetic_score …")
]
One = Annotated[str, typer.Argument(metavar="ONE", help="The whole id of the one trace.")]
Other = Annotated[str, typer.Argument(metavar="OTHER", help="The whole id of the other.")]
Points = Annotated[int, typer.Option("--points", min=1, max=5_000, help="Most rows; more frames come as buckets.")]
FromMs = Annotated[float | None, typer.Option("--from-ms", help="First media time, in milliseconds.")]
ToMs = Annotated[float | None, typer.Option("--to-ms", help="Last media time, in milliseconds.")]
FromFrame = Annotated[int | None, typer.Option("--from-frame", help="First frame.")]
ToFrame = Annotated[int | None, typer.Option("--to-frame", help="Last frame.")]
EventTypes = Annotated[
    str | None,
    typer.Option(
        "--event-type",
        help="Any of these, with commas: frame_generated, frame_error, frame_sampled.",
        autocompletion=names_of(_CONTRACT, "EventType"),
    ),
]

app = typer.Typer(help="Look at traces.", no_args_is_help=True)


@app.callback()
def traces() -> None:
    """Look at traces."""


@app.command("list")
def list_traces(
    status: Status = None,
    since: Since = None,
    until: Until = None,
    tag: Tag = None,
    model: Model = None,
    project: Project = None,
    span_kind: Kinds = None,
    violations: Violations = None,
    failure_kind: FailureKinds = None,
    order_by: OrderBy = None,
    descending: Descending = None,
    limit: Limit = None,
    every: Every = False,
    cursor: Cursor = None,
    output: As = Output.TABLE,
    server: Server = None,
    key: Key = None,
) -> None:
    """List traces, the newest first; every filter that is given must hold.

    Example: `ovpo traces list --status FAILED,TIMEOUT --since 24h --order-by total_ms`
    """
    at = now()
    query = {
        "status": status and status.upper(),
        "start_date": when("--since", since, at),
        "end_date": when("--until", until, at),
        "tags": ",".join(tag) if tag else None,
        "model": model,
        "project": project,
        "span_kind": span_kind and span_kind.upper(),
        "violations": violations,
        "failure_kind": failure_kind and failure_kind.lower(),
        "order_by": order_by,
        "order_dir": None if descending is None else "desc" if descending else "asc",
        "cursor": cursor,
    }
    screen = console()
    is_short = screen.is_terminal and screen.width < WIDE
    note = "Ids are cut to this window; a wider one shows them whole, and so does -o csv." if is_short else ""
    listing = Listing(PATH, "traces", TraceRow, _columns(is_short=is_short), "No traces match.")
    with connected(server, key) as api:
        show_list(api, listing, query, output, limit=limit, every=every, note=note)


@app.command()
def get(
    trace_id: TraceId, events: Events = 0, output: As = Output.TABLE, server: Server = None, key: Key = None
) -> None:
    """Show one trace: its stages on an axis of time, what it adds up to, how complete it is, what is wrong with it.

    As CSV its spans are printed. Example: `ovpo traces get 5d8f4c3e-2b1a-4f6e-9c7d-8a9b0c1d2e3f --events 20`
    """
    one = checked_id(trace_id)
    if events and output is Output.CSV:
        raise CommandError("--events: as CSV the spans are printed; `ovpo traces frames` gives frames", Exit.USAGE)
    with connected(server, key) as api:
        answer = api.get(path("v1", "traces", one), {"events": events})
        detail = answer.read(TraceDetail)
        if output is not Output.TABLE:
            print_rows(detail.spans, SPANS, output, answer.raw)
            return
        screen = console()
        points = min(MOST_POINTS, max(LEAST_POINTS, screen.width - BESIDE_A_LINE))
        timeline = api.get(path("v1", "traces", one, "frames"), {"points": points}).read(Timeline)
    print_trace(screen, detail, timeline, with_events=bool(events))


@app.command("compare")
def compare_traces(one: One, other: Other, output: As = Output.TABLE, server: Server = None, key: Key = None) -> None:
    """Set two traces side by side: what each stage took, cost and used, and how their frames differ in quality.

    A difference is the other less the one.
    Example: `ovpo traces compare 5d8f4c3e-2b1a-4f6e-9c7d-8a9b0c1d2e3f 0b9e6c1a-7a3d-4c52-8f10-2d9c51e7ab64`
    """
    with connected(server, key) as api:
        answer = api.get(path("v1", "traces", checked_id(one), "compare", checked_id(other)))
    found = answer.read(Comparison)
    if output is Output.TABLE:
        print_comparison(found)
    else:
        print_rows(differences(found), DIFFERENCES, output, answer.raw)


@app.command()
def frames(
    trace_id: TraceId,
    metrics: Metrics = None,
    points: Points = 40,
    from_ms: FromMs = None,
    to_ms: ToMs = None,
    from_frame: FromFrame = None,
    to_frame: ToFrame = None,
    event_type: EventTypes = None,
    output: As = Output.TABLE,
    server: Server = None,
    key: Key = None,
) -> None:
    """Show numbers of a trace's frames over media time: frame by frame where they are few, else as buckets.

    Example: `ovpo traces frames 5d8f4c3e-2b1a-4f6e-9c7d-8a9b0c1d2e3f --metrics vram_used_mb --points 1000 -o csv`
    """
    query = {
        "metrics": metrics,
        "points": points,
        "from_ms": from_ms,
        "to_ms": to_ms,
        "from_index": from_frame,
        "to_index": to_frame,
        "event_type": event_type,
    }
    with connected(server, key) as api:
        answer = api.get(path("v1", "traces", checked_id(trace_id), "frames"), query)
    timeline = answer.read(Timeline)
    rows = points_of(timeline)
    print_rows(rows, columns_of(timeline), output, answer.raw)
    if output is Output.TABLE:
        where = "" if timeline.event_type is not None else f" in {words.count(len(rows), 'bucket')}"
        typer.echo(f"{words.count(timeline.matched, 'frame event')}{where}." if rows else "No frame events there.")


def _columns(*, is_short: bool) -> Sequence[Column[TraceRow]]:
    return (
        Column("trace_id", lambda row: row.trace_id, lambda one: one[:SHORT] if is_short else one, heading="id"),
        Column("status", lambda row: row.status, words.marked),
        Column("failure_kind", lambda row: row.failure_kind, in_table=False),
        Column("model", lambda row: row.model, lambda name: name or words.UNKNOWN, folds=True),
        Column("project", lambda row: row.project, in_table=False),
        Column("created_at", lambda row: row.created_at, heading="created"),
        Column("started_at", lambda row: row.started_at, in_table=False),
        Column("completed_at", lambda row: row.completed_at, in_table=False),
        Column("updated_at", lambda row: row.updated_at, in_table=False),
        Column("total_ms", lambda row: row.total_ms, words.duration, right=True, heading="took"),
        Column("spans", lambda row: row.spans, right=True, spare=6),
        Column("span_errors", lambda row: row.span_errors, in_table=False),
        Column("span_kinds", lambda row: ",".join(map(short_kind, row.span_kinds)), in_table=False),
        Column("frames", lambda row: row.frames, right=True, spare=4),
        Column("violations", lambda row: row.violations, right=True, spare=2),
        Column("compute_units", lambda row: row.compute_units, right=True, heading="units", spare=3),
        Column("peak_vram_mb", lambda row: row.peak_vram_mb, words.megabytes, right=True, heading="VRAM", spare=5),
        Column("tags", lambda row: words.tags(row.tags), folds=True, spare=1),
    )


SPANS: Final[Sequence[Column[Span]]] = (
    Column("span_id", lambda span: span.span_id),
    Column("parent_span_id", lambda span: span.parent_span_id),
    Column("span_kind", lambda span: span.span_kind),
    Column("name", lambda span: span.name),
    Column("status", lambda span: span.status),
    Column("start_time", lambda span: span.start_time),
    Column("end_time", lambda span: span.end_time),
    Column("duration_ms", lambda span: span.duration_ms),
    Column("attributes", lambda span: span.attributes),
)
