# SPDX-License-Identifier: Apache-2.0
"""`ovpo schema validate` as a person meets it."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ovpo.cli.main import app

EXAMPLES = Path(__file__).parents[4] / "schemas" / "v0.08" / "examples"
SPAN = json.loads((EXAMPLES / "valid" / "span.full.json").read_text())


def validate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["schema", "validate", *map(str, arguments)])


def put(file: Path, value: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value))
    return file


def test_folders_are_searched_through_and_other_files_left_alone(tmp_path: Path) -> None:
    put(tmp_path / "a" / "b" / "span.json", SPAN)
    put(tmp_path / "notes.txt", "not a payload")
    (tmp_path / "packed.json.gz").write_bytes(gzip.compress(json.dumps(SPAN).encode()))
    done = validate(tmp_path, "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "files": 2,
        "items_accepted": 2,
        "items_refused": 0,
        "bodies_refused": 0,
        "errors": [],
    }


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    file = put(tmp_path / "span.json", SPAN)
    assert json.loads(validate(tmp_path, file, "--json").stdout)["files"] == 1


def test_what_is_wrong_is_a_row_and_the_exit_code_is_one(tmp_path: Path) -> None:
    file = put(tmp_path / "span.json", {**SPAN, "name": 1})
    done = validate(file)
    assert done.exit_code == 1
    assert "$.name" in done.stdout
    assert "must be of type string" in done.stdout
    assert "0 items valid, 1 invalid, 0 bodies refused whole" in done.stdout


def test_a_long_list_is_cut_in_the_table_and_whole_in_json(tmp_path: Path) -> None:
    head = {"schema_version": "0.08", "batch_id": SPAN["trace_id"], "sent_at": SPAN["start_time"]}
    file = put(tmp_path / "batch.json", {**head, "items": [SPAN, *[5] * 30]})
    assert "and 10 more" in validate(file).stdout
    said = json.loads(validate(file, "--json").stdout)
    assert (said["items_accepted"], said["items_refused"], len(said["errors"])) == (1, 30, 30)


def test_a_name_that_looks_like_markup_is_printed_as_it_is(tmp_path: Path) -> None:
    file = put(tmp_path / "span.json", {**SPAN, "attributes": {"[red]x[/]": 1}})
    assert "[red]x[/]" in validate(file).stdout


def test_the_embedded_stack_takes_file_references() -> None:
    assert validate(EXAMPLES / "embedded").exit_code == 1
    assert validate(EXAMPLES / "embedded", "--embedded").exit_code == 0


@pytest.mark.parametrize("name", ["nothing.json", "empty"])
def test_nothing_to_read_is_a_mistake_of_use(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    done = validate(tmp_path / name)
    assert done.exit_code == 2


def test_a_broken_archive_is_named(tmp_path: Path) -> None:
    file = tmp_path / "x.json.gz"
    file.write_bytes(gzip.compress(b"{}" * 100)[:-9])
    done = validate(file)
    assert done.exit_code == 2
    assert str(file) in done.stderr


def test_an_archive_is_unpacked_no_further_than_a_body_may_be(tmp_path: Path) -> None:
    file = tmp_path / "bomb.json.gz"
    file.write_bytes(gzip.compress(b" " * (50 * 1024 * 1024)))
    (error,) = json.loads(validate(file, "--json").stdout)["errors"]
    assert error["code"] == "PAYLOAD_TOO_LARGE"
