# SPDX-License-Identifier: Apache-2.0
"""The JSON schema of a result, made from its types, and the file that it is published as."""

import json
from pathlib import Path
from typing import Any

import msgspec

from ovpo.sop.result import SCHEMA_VERSION, Result
from ovpo.sop.whole_files import replacing


def result_schema() -> dict[str, Any]:
    """Give the schema that every result.json keeps."""
    schema = msgspec.json.schema(Result)
    schema["$defs"]["Result"]["properties"]["schema_version"] = {"const": SCHEMA_VERSION}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Result of a procedure's comparison, version {SCHEMA_VERSION}",
        **schema,
    }


def file_name() -> str:
    """Give the name of the schema's file, which changes with its version."""
    return f"result-{SCHEMA_VERSION}.schema.json"


def schema_text() -> str:
    """Give the schema as it stands in its file: the same text whenever the types are the same."""
    return json.dumps(result_schema(), indent=2, ensure_ascii=False) + "\n"


def write_result_schema(folder: Path) -> Path:
    """Write the schema into a folder, which is made where there is none; give the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / file_name()
    with replacing(file) as draft:
        draft.write(schema_text().encode())
    return file
