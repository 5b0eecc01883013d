# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI documents in docs/openapi are what the services are, and say what a client must know."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry, Resource

from ovpo.foundation.settings.tree import Settings
from ovpo.services import query
from ovpo.services.openapi import documents

ROOT = Path(__file__).parents[3]
KEPT = ROOT / "docs" / "openapi"
METHODS = {"get", "put", "post", "delete", "head", "patch"}
OPEN = {"healthz", "readyz", "get_object", "head_object", "get_file", "head_file"}
"""Operations that take no key: probes, and files that a signed link leads to."""
Document = dict[str, Any]
Operation = tuple[str, str, Document]


@pytest.fixture(scope="module")
def made() -> dict[str, Document]:
    return {name: json.loads(text) for name, text in documents().items()}


def operations(document: Document) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation


def every_operation(made: dict[str, Document]) -> list[Operation]:
    return [one for document in made.values() for one in operations(document)]


def ovpo(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ovpo.cli.main", "openapi", "export", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_the_kept_documents_are_what_the_code_makes() -> None:
    kept = {file.name: file.read_text(encoding="utf-8") for file in KEPT.glob("*.json")}
    assert kept == documents(), "run: ovpo openapi export docs/openapi"


def test_a_document_is_made_the_same_twice_with_its_keys_in_order() -> None:
    for text in documents().values():
        assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def test_the_service_shows_the_document_that_is_kept(settings: Settings) -> None:
    assert query.create(settings).openapi() == json.loads((KEPT / "query.json").read_text(encoding="utf-8"))


def test_the_command_writes_and_checks_and_names_what_is_old(tmp_path: Path) -> None:
    written = ovpo("out", folder=tmp_path)
    assert (written.returncode, written.stdout) == (0, "out/collector.json\nout/query.json\nout/sop.json\n")
    assert ovpo("--check", "out", folder=tmp_path).returncode == 0
    old = tmp_path / "out" / "query.json"
    old.write_text(old.read_text().replace("3.1", "3.0"))
    (tmp_path / "out" / "collector.json").unlink()
    told = ovpo("--check", "out", folder=tmp_path)
    assert told.returncode == 1
    assert "out/collector.json, out/query.json; run: ovpo openapi export out" in told.stderr
    assert {file.name for file in tmp_path.rglob("*")} == {"out", "query.json", "sop.json"}


def test_every_operation_has_a_name_of_its_own_a_summary_a_tag_and_a_description(made: dict[str, Document]) -> None:
    for document in made.values():
        named = [operation["operationId"] for _, _, operation in operations(document)]
        assert len(named) == len(set(named))
        assert all(re.fullmatch(r"[a-z][a-z_]{3,40}", name) for name in named)
    for path, method, operation in every_operation(made):
        for part in ("summary", "tags", "description"):
            assert operation.get(part), f"{method} {path} has no {part}"


def test_every_operation_says_which_errors_it_answers_with_the_body_of_errors(made: dict[str, Document]) -> None:
    for document in made.values():
        assert document["openapi"].startswith("3.1")
        for path, method, operation in operations(document):
            answers = operation["responses"]
            wanted = {"400", "500", "503"}
            if operation["operationId"] not in OPEN:
                wanted |= {"401", "429"}
            if any(scopes for one in operation.get("security", []) for scopes in one.values()):
                wanted |= {"403"}
            if "{" in path:
                wanted |= {"404"}
            if "requestBody" in operation:
                wanted |= {"413", "415"}
            assert wanted <= answers.keys(), f"{method} {path}"
            assert "default" not in answers, f"{method} {path}"
            for status, answer in answers.items():
                told = resolved(document, answer)
                assert told["description"], f"{method} {path} {status}"
                if status >= "400" and (operation["operationId"], status) != ("readyz", "503"):
                    schema = told["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}, f"{method} {path} {status}"


def test_every_operation_asks_for_a_key_and_names_the_permission_unless_it_is_open(made: dict[str, Document]) -> None:
    for path, method, operation in every_operation(made):
        if operation["operationId"] in OPEN:
            assert "security" not in operation, f"{method} {path}"
            continue
        [[scopes]] = [list(one.values()) for one in operation["security"]]
        assert all(re.fullmatch(r"[a-z]+:[a-z]+", scope) for scope in scopes)
        assert len(scopes) == (operation["operationId"] != "whoami"), f"{method} {path}"
    for document in made.values():
        assert document["components"]["securitySchemes"]["ApiKey"]["scheme"] == "bearer"


def test_every_reference_leads_somewhere_and_every_schema_is_one(made: dict[str, Document]) -> None:
    for document in made.values():
        for name in re.findall(r'"#/([^"]+)"', json.dumps(document)):
            assert resolved(document, {"$ref": f"#/{name}"})
        for schema in document["components"]["schemas"].values():
            Draft202012Validator.check_schema(schema)


def test_every_parameter_is_described_and_every_body_and_answer_has_an_example_that_keeps_its_schema(
    made: dict[str, Document],
) -> None:
    for document in made.values():
        for path, method, operation in operations(document):
            for parameter in operation.get("parameters", []):
                assert parameter.get("description"), f"{method} {path}: {parameter['name']}"
            bodies = [operation["requestBody"]] if "requestBody" in operation else []
            for body in [*bodies, *(resolved(document, one) for one in operation["responses"].values())]:
                for kind, content in body.get("content", {}).items():
                    if kind == "application/json":
                        assert_shown(document, content, f"{method} {path}")


def assert_shown(document: Document, content: Document, where: str) -> None:
    """Fail unless the content has an example as a whole, or one of each of its fields."""
    root = Resource.from_contents({**document, "$schema": "https://json-schema.org/draft/2020-12/schema"})
    registry: Registry[Any] = Registry().with_resource("urn:document", root)
    schema = {"$ref": f"urn:document{content['schema']['$ref']}"} if "$ref" in content["schema"] else content["schema"]
    if "example" in content:
        faults = list(Draft202012Validator(schema, registry=registry).iter_errors(content["example"]))
        assert not faults, f"{where}: {faults[0].json_path}: {faults[0].message}"
    else:
        assert not list(bare(document, content["schema"], "")), (
            f"{where}: {list(bare(document, content['schema'], ''))}"
        )


def bare(document: Document, schema: Document, at: str, within: tuple[str, ...] = ()) -> Iterator[str]:
    """Name the fields below a schema of which a reader is shown no value."""
    if (name := schema.get("$ref")) is not None:
        if name not in within:
            yield from bare(document, resolved(document, schema), at, (*within, name))
        return
    if {"example", "examples", "enum", "const", "default"} & schema.keys() or schema.get("type") in {"boolean", "null"}:
        return
    if schema.get("format") in {"date-time", "uuid"}:
        return
    parts = [*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])]
    fields = schema.get("properties", {})
    for part in parts:
        yield from bare(document, part, at, within)
    for field, part in fields.items():
        yield from bare(document, part, f"{at}.{field}", within)
    if not parts and not fields:
        yield at


def resolved(document: Document, node: Document) -> Document:
    """Follow a reference within the document."""
    while "$ref" in node:
        found: Any = document
        for name in node["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        node = found
    return node
