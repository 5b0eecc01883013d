# SPDX-License-Identifier: Apache-2.0
"""One trace as a person reads it: its head, its stages on an axis of time, what it adds up to, what is wrong."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ovpo.cli import words
from ovpo.cli.answers import Completeness, Event, Failure, Finding, Manifest, Summary, Timeline, TraceDetail
from ovpo.cli.output import Column, facts, print_table
from ovpo.cli.waterfall import Bar, bars
from ovpo.cli.words import UNKNOWN, printable, short_kind
from ovpo.foundation.observability.redact import redact_text

MOST_BARS: Final = 100
MOST_GAPS: Final = 12
MOST_ARTIFACTS: Final = 10
AXIS_IN_A_FILE: Final = 48
LEAST_AXIS: Final = 12
MOST_AXIS: Final = 60
BESIDE_THE_AXIS: Final = 24
_RULES: Final = {
    "frame_index_rises": "its index does not rise: it came twice, or after a later one",
    "media_time_never_falls": "its media time lies before that of the frame before it",
    "observed_at_keeps_pace": "it was observed more than 5 s before the frame before it",
}


def print_trace(screen: Console, detail: TraceDetail, timeline: Timeline, *, with_events: bool) -> None:
    """Print it, with its events as a table where they were asked for."""
    for part in _parts(screen, detail, timeline):
        screen.print(part)
        screen.print()
    if not detail.events and with_events:
        screen.print(Text("No frame events."))
    elif with_events:
        print_table(detail.events, EVENTS)
        if detail.events_cut:
            screen.print(Text("There are more events: ask for more, or see `ovpo traces frames`.", "dim"))


def _parts(screen: Console, detail: TraceDetail, timeline: Timeline) -> Iterator[RenderableType]:
    yield _head(detail)
    if detail.trace.failure is not None:
        yield _failure(detail.trace.failure)
    if detail.spans:
        yield _stages(screen, detail)
    if detail.summary is None:
        yield Text("It is not settled yet: what it adds up to is known about a second after its first item.", "dim")
    else:
        yield _titled("Sum", _sums(detail.summary))
    yield _titled("Completeness", _completeness(detail.completeness))
    if detail.completeness.violations:
        yield _titled("Violations", _violations(detail.completeness))
    if lines := _lines(timeline):
        yield _titled("Frames over media time", lines)
    if artifacts := _artifacts(detail):
        yield _titled("Artifacts", artifacts)


def _head(detail: TraceDetail) -> RenderableType:
    trace, summary = detail.trace, detail.summary
    first = words.marked(trace.status)
    for said in (
        printable(summary.model or "") if summary else "",
        words.duration(summary.total_ms) if summary else "",
        words.moment(trace.created_at or trace.seen_at),
    ):
        first.append(f"  {said}" if said else "", style="not bold default")
    project = trace.cost_attribution.project if trace.cost_attribution else None
    more = facts(
        [
            ("trace", trace.trace_id),
            ("part of", trace.parent_trace_id),
            ("project", project),
            ("tags", words.tags(trace.tags)),
            ("retries", str(trace.retry_count) if trace.retry_count else None),
            ("reported", trace.reported_status if trace.reported_status != trace.status else None),
            ("legal hold", "yes: nothing of it is deleted" if trace.legal_hold else None),
        ]
    )
    return Group(first, more)


def _failure(failure: Failure) -> RenderableType:
    stage = f" in {failure.stage}" if failure.stage else ""
    code = f" ({failure.error_code})" if failure.error_code else ""
    again = "It may be tried again." if failure.retryable else "Trying again will not help."
    said = f"✗ {failure.kind}{stage}{code}: {redact_text(failure.message)}"
    return Group(Text(printable(said), "red"), Text(again))


def _stages(screen: Console, detail: TraceDetail) -> RenderableType:
    made, axis = bars(detail.spans)
    shown = made[:MOST_BARS] if screen.is_terminal else made
    longest = max(2 * bar.depth + len(printable(bar.span.name)) for bar in shown)
    room = screen.width - longest - BESIDE_THE_AXIS - max(len(short_kind(bar.span.span_kind)) for bar in shown)
    width = max(LEAST_AXIS, min(MOST_AXIS, room)) if screen.is_terminal else AXIS_IN_A_FILE
    rows = Table(box=None, header_style="bold", pad_edge=False)
    rows.add_column("stage", overflow="fold")
    rows.add_column("kind", no_wrap=True)
    total = words.duration(axis)
    rows.add_column(Text(f"0{total:>{width - 1}}"), no_wrap=True)
    rows.add_column("took", justify="right", no_wrap=True)
    rows.add_column("share", justify="right", no_wrap=True)
    for bar in shown:
        rows.add_row(*_stage(bar, axis, width))
    left = len(made) - len(shown)
    notes = [Text(f"and {left:,} more: -o csv lists them all", "dim")] if left else []
    if detail.spans_cut:
        notes.append(Text(f"The trace has more than these {len(detail.spans)} stages.", "yellow"))
    return Group(rows, *notes)


def _stage(bar: Bar, axis: float, width: int) -> tuple[Text, Text, Text, str, str]:
    span = bar.span
    failed, is_open = span.status == "ERROR", bar.milliseconds is None
    before, long = bar.cells(width)
    style = "red" if failed else "cyan"
    drawn = Text(" " * before).append(("▒" if is_open else "█") * long, style)
    name = Text("  " * bar.depth + ("✗ " if failed else "") + printable(span.name), "red" if failed else "")
    part = None if bar.milliseconds is None or not axis else bar.milliseconds / axis
    took = "open" if is_open else words.duration(bar.milliseconds)
    return name, Text(printable(short_kind(span.span_kind)), "dim"), drawn, took, words.share(part)


def _sums(summary: Summary) -> Table:
    errors = f", {words.count(summary.frame_errors, 'error')} among them," if summary.frame_errors else ""
    events = words.count(summary.frame_events, "event")
    spans = words.count(summary.unknown_hardware, "span")
    unknown = f"; {spans} on unknown hardware" if summary.unknown_hardware else ""
    media = f" over {words.duration(summary.media_ms)} of video" if summary.media_ms is not None else ""
    utilisation = UNKNOWN if summary.mean_gpu_pct is None else f"{words.number(summary.mean_gpu_pct)} % on average"
    return facts(
        [
            ("total", words.duration(summary.total_ms)),
            ("units", f"{words.number(summary.compute_units)} (factors {summary.factors_version}{unknown})"),
            ("VRAM", f"{words.megabytes(summary.peak_vram_mb)} at its peak" if summary.peak_vram_mb else UNKNOWN),
            ("GPU", utilisation),
            ("frames", f"{summary.frames_observed:,} seen in {events}{errors}{media}"),
            ("sampling", f"{words.share(summary.observed_sampling_rate)} of the frames were observed"),
        ]
    )


def _completeness(found: Completeness) -> Table:
    parts = [
        ("record", found.record_part),
        ("spans", found.spans_part),
        ("frames", found.frames_part),
        ("order", found.order_part),
    ]
    whole = ", ".join(f"{name} {words.percent(part)}" for name, part in parts if part is not None)
    gaps = words.ranges((gap.first, gap.last) for gap in found.gaps[:MOST_GAPS])
    more = ", …" if len(found.gaps) > MOST_GAPS else ""
    is_whole = found.completeness == 100.0
    codes = ", ".join(f"{one.item_type} {one.item_id}: {one.code}, {one.reason}" for one in found.refused[:MOST_GAPS])
    dropped = words.count(found.dropped_events, "event")
    missing = f"{found.missing_frames:,} ({gaps}{more})" if gaps else f"{found.missing_frames:,}"
    return facts(
        [
            ("whole", Text(words.percent(found.completeness), "green" if is_whole else "yellow")),
            ("of it", whole),
            ("frames", f"{found.seen_frames:,} of {found.expected_frames:,} expected"),
            ("missing frames", missing if found.missing_frames else None),
            ("dropped", f"{dropped}, as senders say" if found.dropped_events else None),
            ("record", "it never came: only spans or events did" if found.orphan else None),
            ("unknown spans", f"{found.unknown_spans:,}, which events name" if found.unknown_spans else None),
            ("refused", codes),
        ]
    )


def _violations(found: Completeness) -> RenderableType:
    lines = [Text(f"frame {one.frame_index}: {_rule(one)}", "yellow") for one in found.finding_sample]
    left = found.violations - len(lines)
    return Group(*lines, *([Text(f"and {left:,} more", "dim")] if left > 0 and lines else []))


def _rule(finding: Finding) -> str:
    return _RULES.get(finding.rule, printable(finding.rule))


def _lines(timeline: Timeline) -> Table | None:
    """Draw each metric as a line of bars, with its least and greatest value beside it."""
    rows = Table(box=None, show_header=False, pad_edge=False)
    for justify in ("left", "left", "right", "left"):
        rows.add_column(justify=justify, no_wrap=True)
    for name, line in timeline.metrics.items():
        low = [value for value in line.min or line.mean if value is not None]
        high = [value for value in line.max or line.mean if value is not None]
        if low and high:
            least, most = words.number(min(low)), words.number(max(high))
            rows.add_row(Text(printable(name)), Text(words.sparkline(line.mean), "cyan"), least, f"… {most}")
    if sum(timeline.errors):
        rows.add_row(Text("errors"), Text("".join("✗" if count else "·" for count in timeline.errors), "red"), "", "")
    return rows if rows.row_count else None


def _artifacts(detail: TraceDetail) -> RenderableType | None:
    lines = list(_manifest(detail.trace.output_manifest))
    referred = sum(len(event.artifact_refs) for event in detail.events)
    if referred:
        lines.append(Text(f"{referred:,} more, to which the frame events refer that are shown"))
    return Group(*lines) if lines else None


def _manifest(manifest: Manifest | None) -> Iterator[Text]:
    if manifest is None:
        return
    if (made := manifest.primary_output) is not None:
        length = words.duration(made.duration_sec * 1_000) if made.duration_sec is not None else None
        about = [made.format, made.codec, made.resolution, length]
        about.append(words.size(made.file_size_bytes) if made.file_size_bytes is not None else None)
        yield Text(printable(f"{redact_text(made.url)}  {', '.join(one for one in about if one)}"))
    for one in manifest.intermediate_artifacts[:MOST_ARTIFACTS]:
        yield Text(printable(f"{redact_text(one.url)}  {one.type}"))
    if (left := len(manifest.intermediate_artifacts) - MOST_ARTIFACTS) > 0:
        yield Text(f"and {left:,} more", "dim")


def _titled(title: str, body: RenderableType) -> RenderableType:
    return Group(Text(title, "bold"), Padding(body, (0, 0, 0, 2), expand=False))


def _numbers(values: dict[str, float | None]) -> str:
    return ", ".join(f"{name} {words.number(value)}" for name, value in values.items())


EVENTS: Final[Sequence[Column[Event]]] = (
    Column("frame_index", lambda event: event.frame_index, right=True, shown=str, heading="frame"),
    Column("media_time_ms", lambda event: event.media_time_ms, words.duration, right=True, heading="media time"),
    Column("event_type", lambda event: event.event_type, lambda kind: kind.removeprefix("frame_"), heading="type"),
    Column("observed_at", lambda event: event.observed_at, heading="observed"),
    Column("quality_metrics", lambda event: event.quality_metrics or None, _numbers, heading="quality", folds=True),
    Column("gpu_metrics", lambda event: event.gpu_metrics or None, _numbers, heading="GPU", folds=True),
)
