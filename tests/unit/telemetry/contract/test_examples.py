# SPDX-License-Identifier: Apache-2.0
"""The published examples hold: valid ones are taken, invalid ones refused with the code in their name."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ovpo.cli.main import app
from ovpo.telemetry.contract.outcome import EnvelopeError, Item, ItemError
from ovpo.telemetry.contract.read import read_batch, read_document
from ovpo.telemetry.contract.rules import Reader

EXAMPLES = Path(__file__).parents[4] / "schemas" / "v0.08" / "examples"
OF_ITEMS = {"trace", "span", "event", "artifact_manifest"}
"""What the name of an example of one item begins with."""


def examples(folder: str) -> list[Path]:
    found = sorted((EXAMPLES / folder).iterdir())
    assert found
    return found


def body(file: Path) -> bytes:
    return gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()


def in_a_batch(item: bytes) -> bytes:
    head = b'{"schema_version":"0.08","batch_id":"3d5b7f91-2c4e-4a6b-9f8d-1e0c2b4a6d77",'
    return head + b'"sent_at":"2026-11-21T10:00:10Z","items":[' + item + b"]}"


def codes(text: bytes, reader: Reader) -> set[str]:
    try:
        outcome = read_document(text, reader)
    except EnvelopeError as error:
        return {error.code}
    if isinstance(outcome, Item):
        return set()
    errors = [outcome] if isinstance(outcome, ItemError) else outcome.errors
    return {str(error.code) for error in errors}


@pytest.mark.parametrize("file", examples("valid"), ids=lambda file: file.name)
def test_a_valid_example_is_taken(file: Path) -> None:
    assert codes(body(file), Reader(tenant_id="demo")) == set()


@pytest.mark.parametrize("file", examples("invalid"), ids=lambda file: file.name)
def test_an_invalid_example_is_refused_with_the_code_in_its_name(file: Path) -> None:
    assert codes(body(file), Reader(tenant_id="demo")) == {file.name.split(".")[2]}


@pytest.mark.parametrize("file", examples("embedded"), ids=lambda file: file.name)
def test_a_file_reference_is_taken_by_the_embedded_stack_alone(file: Path) -> None:
    assert codes(body(file), Reader(embedded=True)) == set()
    assert codes(body(file), Reader()) == {"INVALID_FORMAT"}


@pytest.mark.parametrize(
    "file", [file for file in examples("invalid") if file.name.split(".")[0] in OF_ITEMS], ids=lambda file: file.name
)
def test_an_item_is_judged_in_a_batch_as_it_is_alone(file: Path) -> None:
    try:
        found = {str(error.code) for error in read_batch(in_a_batch(body(file)), Reader()).errors}
    except EnvelopeError as error:
        found = {error.code}
    assert found == {file.name.split(".")[2]}


def test_the_command_says_of_every_example_what_its_name_says() -> None:
    done = CliRunner().invoke(app, ["schema", "validate", str(EXAMPLES / "invalid"), "--json"])
    assert done.exit_code == 1
    said = json.loads(done.stdout)
    by_file: dict[str, set[str]] = {}
    for error in said["errors"]:
        by_file.setdefault(Path(error["file"]).name, set()).add(error["code"])
    assert by_file == {file.name: {file.name.split(".")[2]} for file in examples("invalid")}
    assert CliRunner().invoke(app, ["schema", "validate", str(EXAMPLES / "valid")]).exit_code == 0


def test_the_spans_beyond_a_thousand_of_a_trace_are_refused_and_the_others_kept() -> None:
    batch = read_batch(body(EXAMPLES / "invalid/ingest_batch.spans_of_a_trace_1001.TOO_MANY_ITEMS.json.gz"), Reader())
    assert len(batch.accepted) == 1000
    assert [(error.item_index, error.code) for error in batch.errors] == [(1000, "TOO_MANY_ITEMS")]


def test_every_code_that_a_payload_can_earn_has_an_example() -> None:
    named = Counter(file.name.split(".")[2] for file in examples("invalid"))
    assert set(named) == {
        "INVALID_SCHEMA",
        "MISSING_FIELD",
        "INVALID_FORMAT",
        "INVALID_UUID",
        "SCHEMA_MISMATCH",
        "FIELD_TOO_LARGE",
        "TOO_MANY_ITEMS",
        "PAYLOAD_TOO_LARGE",
    }
