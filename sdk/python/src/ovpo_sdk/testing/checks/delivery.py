# SPDX-License-Identifier: Apache-2.0
"""Whether everything arrives, and counts once, when an answer is lost or a batch is turned away."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from tempfile import TemporaryDirectory
from typing import Final

from ovpo_sdk.kinds import TraceStatus
from ovpo_sdk.records import FrameRecord, Item, SpanRecord, TraceRecord
from ovpo_sdk.testing.child import ChildError
from ovpo_sdk.testing.faults import Answering, Fault, TakenThenCut
from ovpo_sdk.testing.findings import Finding, judged, not_applicable
from ovpo_sdk.testing.judging import RefusedBatchError, judge
from ovpo_sdk.testing.receiver import Request
from ovpo_sdk.testing.recording import Recording, Shape
from ovpo_sdk.testing.workbench import LEAVING_SECONDS, SETTLE_SECONDS, TENANT, Run, Workbench, collector

NAME: Final = "at-least-once"
ASKS: Final = "After a lost answer or a 503 every item is there, once: retries keep ids, body and Idempotency-Key."
SERVICE_UNAVAILABLE: Final = 503
BY_THE_CLOCK: Final = frozenset({TraceStatus.TIMEOUT, TraceStatus.CANCELLED})
_WORDS: Final = {"event": "frame", "span": "the span", "trace": "a trace that is"}


@dataclass(frozen=True, slots=True)
class Trouble:
    """One way in which a batch is not acknowledged."""

    word: str
    fault: Fault


TROUBLES: Final = (
    Trouble("the answer to a batch was lost", TakenThenCut(for_requests=1)),
    Trouble("a batch was answered 503", Answering(SERVICE_UNAVAILABLE, for_requests=1)),
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came while a batch was not acknowledged."""

    word: str
    requests: tuple[Request, ...]
    """Of the process that met the trouble."""
    seen: Recording
    """In the end, what a later process brought from the spool included."""
    expected: Shape | None
    """What should have come; None where no two runs are alike."""

    def without_shape(self) -> "Delivery":
        """Take it for the delivery of a pipeline that no two runs of are alike."""
        return replace(self, expected=None)


def check(bench: Workbench) -> Finding:
    """Run it once in each trouble; what a process leaves in its spool, the next one may bring."""
    items = bench.healthy.recording.items
    if not items:
        return not_applicable(NAME, "nothing arrived, so there is nothing to deliver")
    faults = chain.from_iterable(_confirmed(bench, trouble) for trouble in TROUBLES)
    return judged(NAME, faults, f"all {items} items arrived once after a lost answer and after a 503")


def _confirmed(bench: Workbench, trouble: Trouble) -> list[str]:
    """Judge a delivery; where only numbers of items differ, a pipeline that varies by itself gets another chance."""
    try:
        delivery = _delivered(bench, trouble)
        faults = list(faults_of(delivery))
        if faults and not list(faults_of(delivery.without_shape())):
            varies = bench.fresh().recording.shape != bench.healthy.recording.shape
            return [] if varies else list(faults_of(_delivered(bench, trouble)))
    except ChildError as error:
        return [f"when {trouble.word}, the pipeline {error}: let a batch wait, and the pipeline go on"]
    return faults


def _expected(bench: Workbench) -> Shape | None:
    """Tell what each run should bring, unless runs differ; how far one gets in its time differs in any case."""
    shape = bench.healthy.recording.shape
    timed = any(run.status in BY_THE_CLOCK for run in bench.healthy.recording.runs())
    return None if timed or shape != bench.again.recording.shape else shape


def _delivered(bench: Workbench, trouble: Trouble) -> Delivery:
    expected = _expected(bench)
    limit = 2 * bench.healthy.seconds + LEAVING_SECONDS
    with collector(trouble.fault) as receiver, TemporaryDirectory(prefix="ovpo-spool-") as spool:

        def run() -> Run:
            return bench.run(receiver, limit, settle_seconds=SETTLE_SECONDS, spool=spool)

        first = run()
        delivery = Delivery(trouble.word, first.requests, first.recording, expected)
        if _lost(delivery):
            whole = expected + expected if expected is not None else None
            delivery = Delivery(trouble.word, first.requests, run().recording, whole)
    return delivery


def faults_of(delivery: Delivery) -> Iterator[str]:
    """Judge one delivery. Pure."""
    turned_away = [n for n, one in enumerate(delivery.requests) if one.status in {None, SERVICE_UNAVAILABLE}]
    if not turned_away:
        yield f"when {delivery.word}, no batch came at all: send what is left before the process ends"
    for n in turned_away:
        yield from _retries(delivery, delivery.requests[n], delivery.requests[n + 1 :])
    yield from _counts(delivery, [delivery.requests[n] for n in turned_away])


def _retries(delivery: Delivery, first: Request, later: Sequence[Request]) -> Iterator[str]:
    if first.idempotency_key is None:
        yield (
            f"a batch of {len(_ids(first))} items came without an Idempotency-Key: give each batch one when it is "
            "made, and send it with every try"
        )
        return
    again = [one for one in later if one.idempotency_key == first.idempotency_key]
    if any(one.body != first.body for one in again):
        yield (
            f"after {delivery.word}, the batch with Idempotency-Key {first.idempotency_key} came with another body: "
            "keep a batch as it was sent until it is taken, ids, batch_id and sent_at included"
        )
    elif not again:
        ids = _ids(first)
        other = next((one for one in later if ids & _ids(one)), None)
        if other is not None:
            yield (
                f"after {delivery.word}, items of the batch with Idempotency-Key {first.idempotency_key} came under "
                f"{other.idempotency_key}: send a batch again as it was, under its own key"
            )


def _counts(delivery: Delivery, turned_away: Sequence[Request]) -> Iterator[str]:
    lost = _lost(delivery)
    came = delivery.seen.shape
    missing = Shape() if delivery.expected is None else delivery.expected - came
    extra = Shape() if delivery.expected is None else _once_more(came, delivery.expected)
    sent = {identity: item for request in turned_away for identity, item in _items(request).items()}
    if extra:
        yield (
            f"after {delivery.word}, {extra.total()} items came once more under other ids, such as {_named(extra)}: "
            "make an item's ids once, and send the same bytes again"
        )
    elif lost and delivery.expected is not None and not missing:
        example = next((_described(sent[identity]) for identity in lost if identity in sent), "a batch")
        yield (
            f"after {delivery.word}, what came again had other ids: {example} never arrived, and one like it did; make "
            "an item's ids once, and send the same bytes again"
        )
    elif lost or missing:
        example = next((_described(sent[identity]) for identity in lost if identity in sent), _named(missing))
        yield (
            f"after {delivery.word}, {max(len(lost), missing.total())} items never arrived, such as {example}: keep a "
            "batch until it is answered with 200, and try again with growing pauses"
        )


def _once_more(came: Shape, expected: Shape) -> Shape:
    """Find what came too often; what never came before is something new, and no repetition."""
    return Shape({look: times for look, times in (came - expected).items() if look in expected})


def _lost(delivery: Delivery) -> list[str]:
    """Find what was sent, or should have been, and is not there in the end."""
    seen = delivery.seen
    there = {frame.event_id for frame in seen.frames} | {span.span_id for span in seen.spans}
    there |= {trace.trace_id for trace in seen.traces}
    sent = list(dict.fromkeys(identity for request in delivery.requests for identity in _items(request)))
    lost = [identity for identity in sent if identity not in there]
    if not lost and delivery.expected is not None:
        lost = [" ".join(look) for look in delivery.expected - seen.shape]
    return lost


def _items(request: Request) -> dict[str, Item]:
    """Give what a request brought, by id; nothing where it cannot be read, which completeness tells."""
    try:
        return {_id(item): item for item in judge(request.body, TENANT).good}
    except RefusedBatchError:
        return {}


def _ids(request: Request) -> set[str]:
    """Name the spans and events of a request; a record of a trace may well be followed by another."""
    return {identity for identity, item in _items(request).items() if not isinstance(item, TraceRecord)}


def _id(item: Item) -> str:
    if isinstance(item, FrameRecord):
        return item.event_id
    return item.span_id if isinstance(item, SpanRecord) else item.trace_id


def _described(item: Item) -> str:
    if isinstance(item, FrameRecord):
        return f"frame {item.frame_index} of trace {item.trace_id} (event {item.event_id})"
    if isinstance(item, SpanRecord):
        return f"span {item.span_id} ({item.name}) of trace {item.trace_id}"
    return f"trace {item.trace_id}"


def _named(looks: Shape) -> str:
    """Name one of the looks in words that its author knows."""
    kind, *_, last = min(looks, default=("batch", "one"))
    return f"{_WORDS.get(kind, kind)} {last}"
