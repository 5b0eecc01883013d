# SPDX-License-Identifier: Apache-2.0
"""Why a schema refused a value: the one breach that is reported, with its code, its field and the remedy.

A value may break several rules. The breach that is reported is the first by the order of `_RANK`, then by the field's
path in alphabetical order, so that equal payloads always get equal answers, however they are spelt. Values are never
repeated to the sender: they may hold personal data.
"""

from typing import Any, Final

import orjson
from jsonschema_rs import Draft202012Validator, ValidationError

from ovpo.foundation.http.errors import Code
from ovpo.telemetry.contract.canonical import canonical
from ovpo.telemetry.contract.outcome import Breach
from ovpo.telemetry.contract.paths import path
from ovpo.telemetry.contract.validators import validators

_RANK: Final = (
    Code.SCHEMA_MISMATCH,
    Code.TOO_MANY_ITEMS,
    Code.MISSING_FIELD,
    Code.INVALID_UUID,
    Code.FIELD_TOO_LARGE,
    Code.INVALID_FORMAT,
    Code.INVALID_SCHEMA,
)
_IDS: Final = frozenset({"trace_id", "parent_trace_id", "span_id", "parent_span_id", "event_id", "batch_id"})
_MAPS: Final = frozenset({"attributes", "tags"})
_UNKNOWN_PARTS: Final = 8
"""How many parts of a map (by name) or list are looked at first; the others only if these are sound. Listing all errors
of one object with n faulty parts takes the validator n² time and memory: 4.5 s for 3 000 attributes, and for 300 000
more memory than a machine has."""
_CODES: Final = {
    "required": Code.MISSING_FIELD,
    "maxLength": Code.FIELD_TOO_LARGE,
    "maxProperties": Code.FIELD_TOO_LARGE,
    "maxItems": Code.TOO_MANY_ITEMS,
    "additionalProperties": Code.INVALID_SCHEMA,
    "type": Code.INVALID_SCHEMA,
    "const": Code.INVALID_SCHEMA,
    "minItems": Code.INVALID_SCHEMA,
    "minLength": Code.INVALID_FORMAT,
    "pattern": Code.INVALID_FORMAT,
    "propertyNames": Code.INVALID_FORMAT,
    "format": Code.INVALID_FORMAT,
    "enum": Code.INVALID_FORMAT,
    "minimum": Code.INVALID_FORMAT,
    "maximum": Code.INVALID_FORMAT,
}
_FORMATS: Final = {
    "date-time": "must be an RFC 3339 date-time with an offset, such as 2026-01-31T12:00:00.5Z",
    "uri": "must be an absolute URI",
}
_MESSAGES: Final = {
    "type": "must be of type {}",
    "enum": "must be one of {}",
    "const": "must be {{}} when pipeline_config_ref is given; send one of the two",
    "pattern": "must match {}",
    "minimum": "must be {} or more",
    "maximum": "must be {} or less",
    "minLength": "is empty; it needs at least {} character",
    "minItems": "is empty; it needs at least {} item",
    "maxLength": "has more than {} characters; shorten it",
    "maxProperties": "has more than {} entries; leave some out",
    "maxItems": "has more than {} items; split the batch",
}
_CONDITIONS: Final = {
    "failure": "is missing; a trace whose status is FAILED says why",
    "end_time": "is missing; a span whose status is OK has ended",
}
_SERVER_SIDE: Final = "legal_hold"


def diagnose(validator: Draft202012Validator, item: dict[str, Any]) -> Breach:
    """Say which rule of its schema an invalid item breaks."""
    return _foremost(_all(validator, _outline(item)) or _first(validator, item))


def diagnose_envelope(validator: Draft202012Validator, envelope: dict[str, Any]) -> Breach:
    """Say which rule an invalid envelope breaks; holding placeholders for items and no map, it has few errors."""
    return _foremost(_all(validator, envelope))


def _foremost(breaches: list[Breach]) -> Breach:
    return min(breaches, key=lambda breach: (_RANK.index(breach.code), breach.field, breach.message))


def _all(validator: Draft202012Validator, value: dict[str, Any]) -> list[Breach]:
    return [breach for error in validator.iter_errors(value) for breach in _breaches(error)]


def _first(validator: Draft202012Validator, value: dict[str, Any]) -> list[Breach]:
    """Give the validator's first error of the whole value, names sorted; one error costs no more than the value."""
    try:
        validator.validate(orjson.loads(canonical(value)))
    except ValidationError as error:
        return _breaches(error)
    raise AssertionError("only a value that its schema refuses can be diagnosed")


def _outline(value: Any, within: str = "") -> Any:
    """Keep every known field, and the first few parts of lists and of objects whose names are the sender's."""
    if isinstance(value, list):
        return [_outline(part) for part in value[:_UNKNOWN_PARTS]]
    if not isinstance(value, dict):
        return value
    known = frozenset[str]() if within in _MAPS else validators().field_names
    unknown = sorted(name for name in value if name not in known)[:_UNKNOWN_PARTS]
    return {name: _outline(value[name], name) for name in [*unknown, *(name for name in value if name in known)]}


def _breaches(error: ValidationError) -> list[Breach]:
    steps, rule = tuple(error.instance_path), error.kind.name
    if rule == "required":
        name = str(error.kind.value)
        conditional = "then" in error.schema_path
        message = _CONDITIONS[name] if conditional else "is missing; add it"
        return [Breach(Code.MISSING_FIELD, path((*steps, name)), message)]
    if rule == "additionalProperties":
        return [Breach(Code.INVALID_SCHEMA, path((*steps, name)), _unknown(name)) for name in error.kind.value]
    if rule == "propertyNames":
        inner = error.kind.value
        name = str(inner.instance)
        return [Breach(Code.INVALID_FORMAT, path((*steps, name)), f"needs a name that matches {inner.kind.value}")]
    if steps[0] in _IDS:
        return [Breach(Code.INVALID_UUID, path(steps), "must be a random UUID (version 4), lower case with hyphens")]
    if steps == ("schema_version",):
        return [Breach(Code.SCHEMA_MISMATCH, path(steps), 'must be "0.08"; follow that version of the schemas')]
    if rule == "pattern" and "timestamp" in error.schema_path:
        return [Breach(Code.INVALID_FORMAT, path(steps), "must lie in the years 1970 to 2199; correct the clock")]
    return [Breach(_CODES[rule], path(steps), _message(rule, error.kind.value))]


def _message(rule: str, limit: Any) -> str:
    if rule == "format":
        return _FORMATS[limit]
    said = ", ".join(map(str, limit)) if isinstance(limit, (list, tuple)) else limit
    return _MESSAGES[rule].format(said)


def _unknown(name: str) -> str:
    if name == _SERVER_SIDE:
        return "is set on the server alone; remove it"
    return "is not a field of the schema; remove it or correct its name"
