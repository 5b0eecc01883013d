# SPDX-License-Identifier: Apache-2.0
"""The normative schemas, compiled once: they are the validator of the hot path.

`schemas` beside this module is a link to the repository's `schemas/v0.08`, so that what is published is what validates.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import orjson
from jsonschema_rs import Draft202012, Draft202012Validator, Registry
from msgspec import Struct

from ovpo.telemetry.contract.records import ItemType

BASE: Final = "https://ovpo.example/schemas/v0.08/"
_ITEM_SCHEMAS: Final = {
    ItemType.TRACE: "trace.schema.json",
    ItemType.SPAN: "span.schema.json",
    ItemType.EVENT: "frame_event.schema.json",
}


class Validators(Struct, frozen=True):
    """A validator of a batch's envelope, and one of each type of item by its name."""

    envelope: Draft202012Validator
    items: Mapping[str, Draft202012Validator]
    field_names: frozenset[str]
    """Every field name that a schema knows."""


def documents() -> dict[str, dict[str, Any]]:
    """Read the schemas, by file name."""
    folder = files("ovpo.telemetry.contract").joinpath("schemas")
    return {
        entry.name: orjson.loads(entry.read_bytes())
        for entry in folder.iterdir()
        if entry.name.endswith(".schema.json")
    }


@cache
def validators() -> Validators:
    """Compile the schemas; formats are asserted and nothing is fetched."""
    schemas = documents()
    registry = Registry([(schema["$id"], schema) for schema in schemas.values()], draft=Draft202012)
    return Validators(
        envelope=_compile("ingest_batch.schema.json#/$defs/envelope", registry),
        items={str(kind): _compile(name, registry) for kind, name in _ITEM_SCHEMAS.items()},
        field_names=frozenset(name for schema in schemas.values() for name in _properties(schema)),
    )


def _compile(reference: str, registry: Registry) -> Draft202012Validator:
    return Draft202012Validator(
        {"$ref": f"{BASE}{reference}"},
        registry=registry,
        validate_formats=True,
        ignore_unknown_formats=False,
        offline=True,
    )


def _properties(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for part in schema.values():
            yield from _properties(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _properties(part)
