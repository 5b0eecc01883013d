# SPDX-License-Identifier: Apache-2.0
"""The JSON schema of a result, made from its types."""

import json
from typing import Any

import msgspec

from ovpo.sop.result import SCHEMA_VERSION, Result


def result_schema() -> dict[str, Any]:
    """Give the schema that every result.json keeps."""
    schema = msgspec.json.schema(Result)
    schema["$defs"]["Result"]["properties"]["schema_version"] = {"const": SCHEMA_VERSION}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Result of a procedure's comparison, version {SCHEMA_VERSION}",
        **schema,
    }


def schema_text() -> str:
    """Give the schema as it is published: the same text whenever the types are the same."""
    return json.dumps(result_schema(), indent=2, ensure_ascii=False) + "\n"
