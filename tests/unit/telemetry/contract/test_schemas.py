# SPDX-License-Identifier: Apache-2.0
"""The schemas as documents: sound, complete, resolvable with nothing but their folder, and one with the types."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from jsonschema_rs import meta
from referencing import Registry, Resource

from ovpo.telemetry.contract import limits
from ovpo.telemetry.contract.records import (
    ArtifactManifest,
    ArtifactRef,
    CostAttribution,
    Failure,
    FrameEvent,
    GpuMetrics,
    IntermediateArtifact,
    LatentStats,
    PrimaryOutput,
    Provenance,
    Span,
    VideoTrace,
)
from ovpo.telemetry.contract.validators import BASE, documents

FOLDER = Path(__file__).parents[4] / "schemas" / "v0.08"
PUBLISHED = {file.name: json.loads(file.read_text()) for file in FOLDER.glob("*.schema.json")}
REGISTRY: Registry[Any] = Registry().with_resources(
    (schema["$id"], Resource.from_contents(schema)) for schema in PUBLISHED.values()
)
TYPES = [
    (VideoTrace, "trace", ()),
    (CostAttribution, "trace", ("cost_attribution",)),
    (Failure, "trace", ("failure",)),
    (ArtifactManifest, "artifact_manifest", ()),
    (PrimaryOutput, "artifact_manifest", ("primary_output",)),
    (IntermediateArtifact, "artifact_manifest", ("intermediate_artifacts",)),
    (Span, "span", ()),
    (FrameEvent, "frame_event", ()),
    (LatentStats, "frame_event", ("latent_stats",)),
    (GpuMetrics, "frame_event", ("gpu_metrics",)),
    (ArtifactRef, "frame_event", ("artifact_refs",)),
    (Provenance, "frame_event", ("provenance",)),
]


def references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for part in schema.values():
            yield from references(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from references(part)


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_a_schema_is_a_sound_document_of_draft_2020_12(name: str) -> None:
    schema = PUBLISHED[name]
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == BASE + name
    meta.validate(schema)


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_every_reference_is_relative_and_leads_somewhere(name: str) -> None:
    resolver = REGISTRY.resolver(BASE + name)
    for reference in references(PUBLISHED[name]):
        assert "://" not in reference
        assert resolver.lookup(reference).contents is not None


def test_what_validates_is_what_is_published() -> None:
    assert documents() == PUBLISHED


def test_the_index_lists_every_schema_of_a_document() -> None:
    listed = {entry["$ref"] for entry in PUBLISHED["index.schema.json"]["$defs"].values()}
    assert listed == set(PUBLISHED) - {"index.schema.json", "definitions.schema.json"}


@pytest.mark.parametrize("name", ["trace", "span", "event"])
def test_the_index_takes_each_full_example(name: str) -> None:
    index = Draft202012Validator(PUBLISHED["index.schema.json"], registry=REGISTRY)
    index.validate(json.loads((FOLDER / "examples" / "valid" / f"{name}.full.json").read_text()))


@pytest.mark.parametrize(("kind", "schema", "steps"), TYPES, ids=lambda value: getattr(value, "__name__", None))
def test_a_type_has_the_fields_of_its_schema(kind: type[msgspec.Struct], schema: str, steps: tuple[str, ...]) -> None:
    described = PUBLISHED[f"{schema}.schema.json"]
    for step in steps:
        described = described["properties"][step]
    described = described.get("items", described)
    fields = {field.encode_name: field.required for field in msgspec.structs.fields(kind)}
    tag = {"type"} if kind.__struct_config__.tag_field else set()
    assert set(fields) == set(described["properties"]) - tag
    assert {name for name, required in fields.items() if required} == set(described.get("required", ())) - tag
    assert described["additionalProperties"] is False


def test_the_numbers_that_code_and_schema_share_agree() -> None:
    envelope = PUBLISHED["ingest_batch.schema.json"]["$defs"]["envelope"]["properties"]
    assert envelope["items"]["maxItems"] == limits.ITEMS
    assert envelope["idempotency_key"]["maxLength"] == limits.IDEMPOTENCY_KEY_BYTES
    assert PUBLISHED["trace.schema.json"]["properties"]["tags"]["additionalProperties"]["maxLength"] == limits.TAG_BYTES
    assert PUBLISHED["definitions.schema.json"]["$defs"]["schema_version"]["const"] == limits.SCHEMA_VERSION
