# SPDX-License-Identifier: Apache-2.0
"""The one parse at the boundary: from the bytes of a body to typed records, and an error for whatever is not one.

The order of judgement, so that equal bodies always get equal answers: the text (size, JSON, nesting), the envelope,
then each item alone: its type, its schema (`diagnosis` ranks what it breaks), the rules beside the schemas (`rules`),
names that stand twice, NUL, and last the number of spans of its trace. A fault of text or envelope refuses all.
"""

from collections import Counter
from datetime import datetime
from typing import Any, Final, TypeAlias

import msgspec

from ovpo.foundation.http.errors import Code
from ovpo.telemetry.contract import document
from ovpo.telemetry.contract.canonical import canonical, instant, settled
from ovpo.telemetry.contract.diagnosis import diagnose, diagnose_envelope
from ovpo.telemetry.contract.limits import ITEMS, NESTING, SPANS_OF_A_TRACE
from ovpo.telemetry.contract.outcome import Breach, EnvelopeError, Item, ItemError, ReadBatch
from ovpo.telemetry.contract.records import FrameEvent, ItemType, Record, Span, VideoTrace
from ovpo.telemetry.contract.rules import Reader, item_breach, key_breach
from ovpo.telemetry.contract.validators import Validators, validators

Outcome: TypeAlias = Item | ItemError
_TYPES: Final = {str(kind): kind for kind in ItemType}
_TRACES: Final = msgspec.json.Decoder(VideoTrace)
_ID_OF: Final = {ItemType.TRACE: "trace_id", ItemType.SPAN: "span_id", ItemType.EVENT: "event_id"}
_LONGEST_ID: Final = 36
_OF_ENVELOPES: Final = frozenset({"items", "batch_id", "sent_at"})
_ITEM_NESTING: Final = NESTING - 2
"""What an item may nest: it stands two levels deep in its batch, and is judged alike when it comes alone."""


def read_batch(body: bytes, reader: Reader) -> ReadBatch:
    """Read the body of a batch; raise EnvelopeError where it is refused as a whole."""
    return _batch(document.parse(body), body, reader)


def read_document(body: bytes, reader: Reader) -> ReadBatch | Item | ItemError:
    """Read a body that holds a batch or a single item, which is judged as it would be in a batch.

    What has a field of an envelope is a batch. Raises EnvelopeError where the body is refused as a whole.
    """
    value = document.parse(body)
    if isinstance(value, dict) and not _OF_ENVELOPES.isdisjoint(value):
        return _batch(value, body, reader)
    outcome = _read(value, 0, reader, validators())
    if isinstance(outcome, Item) and document.needs_a_second_look(body, [outcome.raw]):
        return _looked_at_again(outcome, value, document.doubled_names(body))
    return outcome


def _batch(value: Any, body: bytes, reader: Reader) -> ReadBatch:
    known = validators()
    items = _items_of(value, known)
    outcomes: list[Outcome] = [_read(item, index, reader, known) for index, item in enumerate(items)]
    if document.needs_a_second_look(body, _written(outcomes, value)):
        outcomes = _second_look(outcomes, value, body)
    outcomes = _no_trace_with_too_many_spans(outcomes)
    return ReadBatch(
        batch_id=value["batch_id"],
        sent_at=msgspec.convert(instant(value["sent_at"]), datetime),
        idempotency_key=value.get("idempotency_key"),
        accepted=tuple(outcome for outcome in outcomes if isinstance(outcome, Item)),
        errors=tuple(outcome for outcome in outcomes if isinstance(outcome, ItemError)),
    )


def _items_of(value: Any, known: Validators) -> list[Any]:
    """Give the items of a sound envelope."""
    if not isinstance(value, dict):
        raise EnvelopeError(Breach(Code.INVALID_SCHEMA, "$", "must be an object with schema_version and items"))
    items = value.get("items")
    # A validator copies whatever it is given; the envelope's needs to know only how many items there are.
    envelope = {**value, "items": [None] * min(len(items), ITEMS + 1)} if isinstance(items, list) else value
    if not known.envelope.is_valid(envelope):
        _refuse_depth(value, NESTING)
        raise EnvelopeError(diagnose_envelope(known.envelope, envelope))
    breach = key_breach(value.get("idempotency_key"))
    if breach:
        raise EnvelopeError(breach)
    return list(value["items"])


def _read(value: Any, index: int, reader: Reader, known: Validators) -> Outcome:
    kind = _TYPES.get(value["type"]) if isinstance(value, dict) and isinstance(value.get("type"), str) else None
    if kind is None or not known.items[kind].is_valid(value):
        _refuse_depth(value, _ITEM_NESTING)
        return _refused(index, kind, value, diagnose(known.items[kind], value) if kind else _untyped(value))
    if kind is ItemType.TRACE:  # the only type with objects that are open to any depth
        _refuse_depth(value, _ITEM_NESTING)
    raw = canonical(value)
    try:
        record = _record(kind, value, raw)
    except msgspec.ValidationError:
        value = settled(value)
        raw = canonical(value)
        record = _record(kind, value, raw)
    breach = item_breach(record, raw, reader)
    return _refused(index, kind, value, breach) if breach else Item(index, kind, record, raw)


def _record(kind: ItemType, value: dict[str, Any], raw: bytes) -> Record:
    if kind is ItemType.SPAN:
        return msgspec.convert(value, Span)
    if kind is ItemType.EVENT:
        return msgspec.convert(value, FrameEvent)
    return _TRACES.decode(raw)  # from its text, because it keeps parts of that


def _untyped(value: Any) -> Breach:
    if not isinstance(value, dict):
        return Breach(Code.INVALID_SCHEMA, "$", "must be an object: a trace, a span or an event")
    if "type" not in value:
        return Breach(Code.MISSING_FIELD, "$.type", 'is missing; say "trace", "span" or "event"')
    return Breach(Code.INVALID_SCHEMA, "$.type", 'must be "trace", "span" or "event"')


def _refused(index: int, kind: ItemType | None, value: Any, breach: Breach) -> ItemError:
    found = value.get(_ID_OF[kind]) if kind else None
    item_id = found if isinstance(found, str) and len(found) <= _LONGEST_ID else None
    return ItemError(index, kind, breach.code, breach.field, breach.message, item_id)


def _refuse_depth(value: Any, allowed: int) -> None:
    if document.is_deeper(value, allowed):
        raise EnvelopeError(Breach(Code.INVALID_SCHEMA, "$", document.TOO_DEEP))


def _written(outcomes: list[Outcome], value: dict[str, Any]) -> list[bytes]:
    texts = [
        outcome.raw if isinstance(outcome, Item) else canonical(item)
        for outcome, item in zip(outcomes, value["items"], strict=True)
    ]
    return [canonical({**value, "items": []}), *texts]


def _second_look(outcomes: list[Outcome], value: dict[str, Any], body: bytes) -> list[Outcome]:
    """Refuse accepted items that hold a name twice or NUL, and the batch if its envelope does; none of it is deep."""
    doubled = [document.doubled_names(text) for text in document.texts_of_items(body)]
    in_all = Counter(document.doubled_names(body))
    in_all.subtract(name for names in doubled for name in names)
    breach = next((document.doubled(name) for name, times in in_all.items() if times), None)
    breach = breach or document.nul_breach({name: part for name, part in value.items() if name != "items"})
    if breach:
        raise EnvelopeError(breach)
    return [
        _looked_at_again(outcome, item, names) if isinstance(outcome, Item) else outcome
        for outcome, item, names in zip(outcomes, value["items"], doubled, strict=True)
    ]


def _looked_at_again(item: Item, value: dict[str, Any], doubled: list[str]) -> Outcome:
    breach = document.doubled(doubled[0]) if doubled else document.nul_breach(value)
    return _refused(item.index, item.type, value, breach) if breach else item


def _no_trace_with_too_many_spans(outcomes: list[Outcome]) -> list[Outcome]:
    """Refuse the spans of a trace that come after as many as a batch may hold of it."""
    if len(outcomes) <= SPANS_OF_A_TRACE:
        return outcomes
    seen: Counter[str] = Counter()
    kept: list[Outcome] = []
    for outcome in outcomes:
        if isinstance(outcome, Item) and isinstance(outcome.record, Span):
            span = outcome.record
            seen[span.trace_id] += 1
            if seen[span.trace_id] > SPANS_OF_A_TRACE:
                message = f"is the trace of more than {SPANS_OF_A_TRACE} spans of the batch; send the rest in another"
                breach = Breach(Code.TOO_MANY_ITEMS, "$.trace_id", message)
                kept.append(
                    ItemError(outcome.index, outcome.type, breach.code, breach.field, breach.message, span.span_id)
                )
                continue
        kept.append(outcome)
    return kept
