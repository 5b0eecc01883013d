# SPDX-License-Identifier: Apache-2.0
"""What the contract says about a body: refused as a whole, or judged item by item. Pure; knows no HTTP."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Raw, Struct

from ovpo_sdk.records import FrameRecord, Id, Instant, Item, SpanRecord, TraceRecord, Version
from ovpo_sdk.testing.rules import IDS, NESTING, Breach, breach_in_text, breach_of, is_deeper

SPANS_OF_A_TRACE: Final = 1_000
KEY_BYTES: Final = 128
_TOO_DEEP: Final = Breach("INVALID_SCHEMA", "$", f"nests deeper than {NESTING} levels; flatten it")
_FAULT: Final = re.compile(r"(?P<what>.*?)(?: - at `(?P<path>[^`]*)`)?", re.DOTALL)
_NAMED: Final = re.compile(r"Object (?P<how>missing required|contains unknown) field `(?P<name>.*)`", re.DOTALL)
_ID_OF: Final = {"trace": "trace_id", "span": "span_id", "event": "event_id"}


class ItemFault(Struct, frozen=True, omit_defaults=True):
    """An item that was not taken, as the answer says it."""

    item_index: int
    item_type: str | None
    code: str
    field: str
    message: str
    item_id: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A batch whose envelope is sound."""

    batch_id: str
    idempotency_key: str | None
    good: tuple[Item, ...]
    faults: tuple[ItemFault, ...]


class RefusedBatchError(Exception):
    """Nothing of a body is taken; says which rule it breaks."""

    def __init__(self, breach: Breach) -> None:
        super().__init__(f"{breach.code}: {breach.field}: {breach.message}")
        self.breach = breach


class _Envelope(Struct, frozen=True, forbid_unknown_fields=True):
    schema_version: Version
    batch_id: Id
    sent_at: Instant
    items: Annotated[list[Raw], Meta(min_length=1, max_length=5000)]
    idempotency_key: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


_ENVELOPES: Final = msgspec.json.Decoder(_Envelope)
_ITEMS: Final[msgspec.json.Decoder[Item]] = msgspec.json.Decoder(TraceRecord | SpanRecord | FrameRecord)


def judge(body: bytes, tenant: str) -> Judged:
    """Judge a decoded body; raise RefusedBatchError where it is refused as a whole."""
    try:
        envelope = _ENVELOPES.decode(body)
    except msgspec.ValidationError as error:
        raise RefusedBatchError(diagnose(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RefusedBatchError(Breach("INVALID_FORMAT", "$", f"is not JSON: {error}")) from None
    except RecursionError:
        raise RefusedBatchError(_TOO_DEEP) from None
    _check_key(envelope.idempotency_key)
    good: list[Item] = []
    faults: list[ItemFault] = []
    spans: Counter[str] = Counter()
    for index, raw in enumerate(envelope.items):
        found = _read(raw, tenant)
        if isinstance(found, SpanRecord):
            spans[found.trace_id] += 1
            if spans[found.trace_id] > SPANS_OF_A_TRACE:
                message = f"is the trace of more than {SPANS_OF_A_TRACE} spans of the batch; send the rest in another"
                found = Breach("TOO_MANY_ITEMS", "$.trace_id", message)
        if isinstance(found, Breach):
            faults.append(_fault(index, raw, found))
        else:
            good.append(found)
    return Judged(envelope.batch_id, envelope.idempotency_key, tuple(good), tuple(faults))


def _check_key(key: str | None) -> None:
    if key is not None and "\0" in key:
        raise RefusedBatchError(Breach("INVALID_FORMAT", "$.idempotency_key", "holds the character NUL; remove it"))
    if key is not None and len(key.encode()) > KEY_BYTES:
        message = f"has more than {KEY_BYTES} bytes in UTF-8; shorten it"
        raise RefusedBatchError(Breach("FIELD_TOO_LARGE", "$.idempotency_key", message))


def diagnose(said: str) -> Breach:
    """Turn what the decoder says about a value into the contract's words; never repeats the value."""
    parts = _FAULT.fullmatch(said)
    what, path = (parts["what"], parts["path"] or "$") if parts else (said, "$")
    if named := _NAMED.fullmatch(what):
        path = f"{path}.{named['name']}"
        if named["how"] == "missing required":
            return Breach("MISSING_FIELD", path, "is missing; add it")
        return Breach("INVALID_SCHEMA", path, "is not a field of the schema; remove it or correct its name")
    last = path.rpartition(".")[2]
    if last in IDS:
        return Breach("INVALID_UUID", path, "must be a random UUID (version 4), lower case with hyphens")
    if last == "schema_version":
        return Breach("SCHEMA_MISMATCH", path, 'must be "0.08"; follow that version of the schemas')
    if what.startswith("Invalid"):
        code = "INVALID_SCHEMA" if last == "type" else "INVALID_FORMAT"
        return Breach(code, path, "is not one of the values, or not in the form, that the schema names")
    if "of length <=" in what:
        return Breach("TOO_MANY_ITEMS" if "`array`" in what else "FIELD_TOO_LARGE", path, what)
    is_of_its_type = ", got" not in what and "`array`" not in what
    return Breach("INVALID_FORMAT" if is_of_its_type else "INVALID_SCHEMA", path, what)


def _read(raw: Raw, tenant: str) -> Item | Breach:
    try:
        record = _ITEMS.decode(raw)
    except msgspec.ValidationError as error:
        if str(error).startswith("Number out of range"):
            raise RefusedBatchError(Breach("INVALID_FORMAT", "$", "holds a number that no double can")) from None
        return diagnose(str(error))
    except RecursionError:
        raise RefusedBatchError(_TOO_DEEP) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RefusedBatchError(Breach("INVALID_FORMAT", "$", f"is not JSON: {error}")) from None
    if isinstance(record, TraceRecord) and _is_deep(record):
        raise RefusedBatchError(_TOO_DEEP)
    return breach_in_text(bytes(raw)) or breach_of(record, tenant) or record


def _is_deep(trace: TraceRecord) -> bool:
    """Tell whether a part that is open to any depth goes too deep: it stands three levels down in its batch."""
    open_parts: list[Any] = [trace.pipeline_config, trace.input_context]
    in_failure = trace.failure is not None and is_deeper(trace.failure.details, NESTING - 4)
    return in_failure or any(is_deeper(part, NESTING - 3) for part in open_parts)


def _fault(index: int, raw: Raw, breach: Breach) -> ItemFault:
    value = msgspec.json.decode(raw)
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in _ID_OF:
        return ItemFault(index, None, breach.code, breach.field, breach.message)
    item_id = value.get(_ID_OF[kind])
    readable = isinstance(item_id, str) and len(item_id) <= 36
    return ItemFault(index, kind, breach.code, breach.field, breach.message, item_id if readable else None)
