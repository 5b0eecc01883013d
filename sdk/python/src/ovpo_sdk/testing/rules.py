# SPDX-License-Identifier: Apache-2.0
"""The rules of the telemetry contract that the types of `records` cannot say. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Final

import msgspec

from ovpo_sdk.kinds import SpanStatus, TraceStatus
from ovpo_sdk.records import FrameRecord, Item, Manifest, SpanRecord, TraceRecord

NESTING: Final = 32
ATTRIBUTES: Final = 100
ATTRIBUTE_CHARACTERS: Final = 1024
ATTRIBUTES_BYTES: Final = 16 * 1024
CONFIG_BYTES: Final = 64 * 1024
TAGS: Final = 50
TAG_BYTES: Final = 256
PROMPT_CHARACTERS: Final = 10_000
LARGEST_COUNT: Final = 2**63 - 1
LARGEST_SEED: Final = 2**64 - 1
IDS: Final = frozenset({"trace_id", "parent_trace_id", "span_id", "parent_span_id", "event_id", "batch_id"})
_OPEN: Final = frozenset({"pipeline_config", "input_context", "details"})
"""Objects that may hold anything, null included."""
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+")
_ATTRIBUTE: Final = re.compile(r"(ovpo|custom|otel|gpu|model)\.[a-z0-9_.]+")
_TAG: Final = re.compile(r"[a-z0-9_-]+")
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_QUALITY: Final[Mapping[str, tuple[float, float]]] = {
    "motion_score": (0, inf),
    "temporal_consistency": (0, 1),
    "contrast_ratio": (0, inf),
    "brightness_avg": (0, 255),
    "edge_density": (0, 1),
    "noise_estimate": (0, inf),
    "clip_text_similarity": (-1, 1),
    "clip_image_similarity": (-1, 1),
    "aesthetic_score": (0, 10),
    "artifact_score": (0, 1),
    "nsfw_score": (0, 1),
}


@dataclass(frozen=True, slots=True)
class Breach:
    """What an item breaks: the contract's code, the field as a JSON path, the remedy."""

    code: str
    field: str
    message: str


def breach_of(record: Item, tenant: str) -> Breach | None:
    """Find the first rule that a record breaks."""
    if isinstance(record, TraceRecord):
        return _trace(record, tenant)
    return _span(record) if isinstance(record, SpanRecord) else _frame(record)


def breach_in_text(item: bytes) -> Breach | None:
    """Find what is lost when an item is decoded: a null that stands for nothing; and NUL, which no store keeps."""
    if b"null" not in item and b"\\u0000" not in item:
        return None
    for path, value, is_open in _leaves(msgspec.json.decode(item), "$", is_open=False):
        if value is None and not is_open:
            code = "INVALID_UUID" if path.rpartition(".")[2] in IDS else "INVALID_SCHEMA"
            return Breach(code, path, "must not be null; leave it out")
        if isinstance(value, str) and "\0" in value:
            return Breach("INVALID_FORMAT", path, "holds the character NUL; remove it")
    return None


def within(path: str, name: str) -> str:
    """Give the path of a named part."""
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"{path}.{name}" if _PLAIN.fullmatch(name) else f"{path}['{quoted}']"


def _leaves(value: Any, path: str, *, is_open: bool) -> Iterator[tuple[str, Any, bool]]:
    """Give every value and name that is no container."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield path, name, is_open
            yield from _leaves(part, within(path, name), is_open=is_open or name in _OPEN)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _leaves(part, f"{path}[{index}]", is_open=is_open)
    else:
        yield path, value, is_open


def is_deeper(value: Any, levels: int) -> bool:
    """Tell whether a decoded JSON value nests objects and lists deeper than so many levels."""
    if not isinstance(value, dict | list):
        return False
    parts = value.values() if isinstance(value, dict) else value
    return levels < 1 or any(is_deeper(part, levels - 1) for part in parts)


def _trace(trace: TraceRecord, tenant: str) -> Breach | None:
    if trace.tenant_id is None:
        return Breach("MISSING_FIELD", "$.tenant_id", "is missing; add it")
    if trace.tenant_id != tenant:
        return Breach("FORBIDDEN", "$.tenant_id", "is not the tenant of the API key; send it with that tenant's key")
    if trace.status is TraceStatus.FAILED and trace.failure is None:
        return Breach("MISSING_FIELD", "$.failure", "is missing; a trace whose status is FAILED says why")
    if trace.retry_count > LARGEST_COUNT:
        return _too_many("$.retry_count")
    if trace.pipeline_config_ref is not None and not _ADDRESS.fullmatch(trace.pipeline_config_ref):
        return Breach("INVALID_FORMAT", "$.pipeline_config_ref", "must be an absolute URI")
    if trace.pipeline_config_ref is not None and trace.pipeline_config:
        message = "must be {} when pipeline_config_ref is given; send one of the two"
        return Breach("INVALID_SCHEMA", "$.pipeline_config", message)
    if _size(trace.pipeline_config) > CONFIG_BYTES:
        message = f"has more than {CONFIG_BYTES} bytes serialized; send pipeline_config_ref and {{}} instead"
        return Breach("FIELD_TOO_LARGE", "$.pipeline_config", message)
    costs = trace.cost_attribution
    return (
        _input(trace.input_context)
        or _tags(trace.tags)
        or (_cost_tags(costs.tags) if costs else None)
        or (_manifest(trace.output_manifest) if trace.output_manifest else None)
    )


def _manifest(manifest: Manifest) -> Breach | None:
    if not _ADDRESS.fullmatch(manifest.primary_output.url):
        return Breach("INVALID_FORMAT", "$.output_manifest.primary_output.url", "must be an absolute URI")
    for index, artifact in enumerate(manifest.intermediate_artifacts):
        if not _ADDRESS.fullmatch(artifact.url):
            field = f"$.output_manifest.intermediate_artifacts[{index}].url"
            return Breach("INVALID_FORMAT", field, "must be an absolute URI")
    return None


def _input(context: Mapping[str, Any]) -> Breach | None:
    if "prompt_hash" not in context:
        return Breach("MISSING_FIELD", "$.input_context.prompt_hash", "is missing; add it")
    for name in ("prompt_hash", "negative_prompt_hash"):
        if name in context and not (isinstance(context[name], str) and _HASH.fullmatch(context[name])):
            return Breach("INVALID_FORMAT", f"$.input_context.{name}", "must be a SHA-256 in 64 lower-case hex digits")
    plain = context.get("prompt_plaintext", "")
    if not isinstance(plain, str):
        return Breach("INVALID_SCHEMA", "$.input_context.prompt_plaintext", "must be of type string")
    if len(plain) > PROMPT_CHARACTERS:
        message = f"has more than {PROMPT_CHARACTERS} characters; shorten it"
        return Breach("FIELD_TOO_LARGE", "$.input_context.prompt_plaintext", message)
    for name in ("prompt_length", "seed"):
        found = context.get(name, 0)
        if isinstance(found, bool) or not isinstance(found, int):
            return Breach("INVALID_SCHEMA", f"$.input_context.{name}", "must be of type integer")
        if found < 0:
            return Breach("INVALID_FORMAT", f"$.input_context.{name}", "must be 0 or more")
        if found > LARGEST_SEED:
            return Breach("INVALID_FORMAT", f"$.input_context.{name}", f"must be {LARGEST_SEED} or less")
    return None


def _tags(tags: Mapping[str, str]) -> Breach | None:
    if len(tags) > TAGS:
        return Breach("FIELD_TOO_LARGE", "$.tags", f"has more than {TAGS} entries; leave some out")
    for name, text in tags.items():
        if not _TAG.fullmatch(name):
            return Breach("INVALID_FORMAT", within("$.tags", name), "needs a name of a-z, 0-9, _ and -")
        if len(text.encode()) > TAG_BYTES:
            return Breach("FIELD_TOO_LARGE", within("$.tags", name), f"has more than {TAG_BYTES} bytes; shorten it")
    return None


def _cost_tags(tags: Mapping[str, str]) -> Breach | None:
    for name, text in tags.items():
        if len(text.encode()) > TAG_BYTES:
            field = within("$.cost_attribution.tags", name)
            return Breach("FIELD_TOO_LARGE", field, f"has more than {TAG_BYTES} bytes; shorten it")
    return None


def _span(span: SpanRecord) -> Breach | None:
    if span.status is SpanStatus.OK and span.end_time is None:
        return Breach("MISSING_FIELD", "$.end_time", "is missing; a span whose status is OK has ended")
    if len(span.attributes) > ATTRIBUTES:
        return Breach("FIELD_TOO_LARGE", "$.attributes", f"has more than {ATTRIBUTES} entries; leave some out")
    for name, value in span.attributes.items():
        if not _ATTRIBUTE.fullmatch(name):
            message = "needs a name such as custom.word, in ovpo, custom, otel, gpu or model"
            return Breach("INVALID_FORMAT", within("$.attributes", name), message)
        if isinstance(value, str) and len(value) > ATTRIBUTE_CHARACTERS:
            message = f"has more than {ATTRIBUTE_CHARACTERS} characters; shorten it"
            return Breach("FIELD_TOO_LARGE", within("$.attributes", name), message)
    if _size(span.attributes) > ATTRIBUTES_BYTES:
        message = f"has more than {ATTRIBUTES_BYTES} bytes serialized; leave some out"
        return Breach("FIELD_TOO_LARGE", "$.attributes", message)
    return None


def _frame(frame: FrameRecord) -> Breach | None:
    for name, count in (("frame_index", frame.frame_index), ("step_index", frame.step_index or 0)):
        if count > LARGEST_COUNT:
            return _too_many(f"$.{name}")
    for index, artifact in enumerate(frame.artifact_refs):
        if not _ADDRESS.fullmatch(artifact.uri):
            return Breach("INVALID_FORMAT", f"$.artifact_refs[{index}].uri", "must be an absolute URI")
    for name, value in frame.quality_metrics.items():
        low, high = _QUALITY.get(name, (-inf, inf))
        if not low <= value <= high:
            message = f"must be {low:g} or more" if value < low else f"must be {high:g} or less"
            return Breach("INVALID_FORMAT", within("$.quality_metrics", name), message)
    return None


def _too_many(field: str) -> Breach:
    return Breach("INVALID_FORMAT", field, f"must be {LARGEST_COUNT} or less")


def _size(value: Any) -> int:
    return len(msgspec.json.encode(value))
