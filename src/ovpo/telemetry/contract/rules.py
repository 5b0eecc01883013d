# SPDX-License-Identifier: Apache-2.0
"""The rules of the contract that a schema cannot say: bytes, serialized sizes, the tenant, where `file:` is allowed.

They are asked only of what its schema accepts, in the order in which they stand here; the first breach is reported.
"""

from collections.abc import Mapping
from typing import Any, Final, assert_never

from msgspec import Struct

from ovpo.foundation.http.errors import Code
from ovpo.telemetry.contract.canonical import canonical
from ovpo.telemetry.contract.limits import (
    ATTRIBUTES_BYTES,
    IDEMPOTENCY_KEY_BYTES,
    ITEM_BYTES,
    PIPELINE_CONFIG_BYTES,
    TAG_BYTES,
)
from ovpo.telemetry.contract.outcome import Breach
from ovpo.telemetry.contract.paths import path
from ovpo.telemetry.contract.records import FrameEvent, Record, Span, VideoTrace

_FILE: Final = "file:"


class Reader(Struct, frozen=True):
    """Who reads: the tenant whose key was presented (None where there is no key), and whether `file:` is taken."""

    tenant_id: str | None = None
    embedded: bool = False


def item_breach(record: Record, raw: bytes, reader: Reader) -> Breach | None:
    """Find the first rule beside the schemas that a record breaks; `raw` is its canonical JSON."""
    return _of_its_type(record, raw, reader) or _size(raw)


def key_breach(idempotency_key: str | None) -> Breach | None:
    """Hold an idempotency key of a batch to its bytes."""
    if idempotency_key is None or len(idempotency_key.encode()) <= IDEMPOTENCY_KEY_BYTES:
        return None
    message = f"has more than {IDEMPOTENCY_KEY_BYTES} bytes in UTF-8; shorten it"
    return Breach(Code.FIELD_TOO_LARGE, "$.idempotency_key", message)


def _of_its_type(record: Record, raw: bytes, reader: Reader) -> Breach | None:
    match record:
        case Span():
            return _attributes(record.attributes, raw)
        case FrameEvent():
            return None if reader.embedded else _event_files(record)
        case VideoTrace():
            return _sizes(record) or (None if reader.embedded else _trace_files(record)) or _tenant(record, reader)
        case _:
            assert_never(record)


def _size(raw: bytes) -> Breach | None:
    if len(raw) <= ITEM_BYTES:
        return None
    return Breach(Code.FIELD_TOO_LARGE, "$", f"has more than {ITEM_BYTES} bytes as canonical JSON; send less")


def _attributes(attributes: Mapping[str, Any], raw: bytes) -> Breach | None:
    if len(raw) <= ATTRIBUTES_BYTES or len(canonical(attributes)) <= ATTRIBUTES_BYTES:
        return None
    message = f"has more than {ATTRIBUTES_BYTES} bytes serialized; leave some out"
    return Breach(Code.FIELD_TOO_LARGE, "$.attributes", message)


def _sizes(trace: VideoTrace) -> Breach | None:
    if len(bytes(trace.pipeline_config)) > PIPELINE_CONFIG_BYTES:
        message = f"has more than {PIPELINE_CONFIG_BYTES} bytes serialized; send pipeline_config_ref and {{}} instead"
        return Breach(Code.FIELD_TOO_LARGE, "$.pipeline_config", message)
    costs = trace.cost_attribution
    return _tags(trace.tags, ()) or (_tags(costs.tags, ("cost_attribution",)) if costs else None)


def _tags(tags: Mapping[str, str], within: tuple[str, ...]) -> Breach | None:
    for name, value in tags.items():
        if not value.isascii() and len(value.encode()) > TAG_BYTES:
            message = f"has more than {TAG_BYTES} bytes in UTF-8; shorten it"
            return Breach(Code.FIELD_TOO_LARGE, path((*within, "tags", name)), message)
    return None


def _trace_files(trace: VideoTrace) -> Breach | None:
    manifest = trace.output_manifest
    if manifest is None:
        return None
    if manifest.primary_output.url.startswith(_FILE):
        return _file(path(("output_manifest", "primary_output", "url")))
    for index, artifact in enumerate(manifest.intermediate_artifacts):
        if artifact.url.startswith(_FILE):
            return _file(path(("output_manifest", "intermediate_artifacts", index, "url")))
    return None


def _event_files(event: FrameEvent) -> Breach | None:
    for index, artifact in enumerate(event.artifact_refs):
        if artifact.uri.startswith(_FILE):
            return _file(path(("artifact_refs", index, "uri")))
    return None


def _file(field: str) -> Breach:
    message = "names a file, which only the embedded stack takes; use s3:, gs:, azure:, https: or ovpo:"
    return Breach(Code.INVALID_FORMAT, field, message)


def _tenant(trace: VideoTrace, reader: Reader) -> Breach | None:
    if reader.tenant_id is None or trace.tenant_id == reader.tenant_id:
        return None
    return Breach(Code.FORBIDDEN, "$.tenant_id", "is not the tenant of the API key; send it with that tenant's key")
