# SPDX-License-Identifier: Apache-2.0
"""The published schema of a result."""

import json
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from ovpo.sop.result import Result
from ovpo.sop.result_schema import result_schema, schema_text
from tests.unit.sop import results

PUBLISHED = Path(__file__).parents[3] / "schemas" / "sop"


def test_the_published_schema_is_the_one_that_the_types_make() -> None:
    published = (PUBLISHED / "result-1.0.schema.json").read_text()
    assert published == schema_text(), "write it anew: ovpo sop schema > schemas/sop/result-1.0.schema.json"


def test_the_example_keeps_the_schema_and_is_a_result() -> None:
    text = (PUBLISHED / "example.result.json").read_bytes()
    Draft202012Validator(result_schema()).validate(json.loads(text))
    assert msgspec.json.decode(text, type=Result) == results.flawed()


@pytest.mark.parametrize("result", [results.clean(), results.unjudged(), results.crowded()])
def test_every_result_keeps_the_schema(result: Result) -> None:
    Draft202012Validator(result_schema()).validate(json.loads(msgspec.json.encode(result)))


@pytest.mark.parametrize(
    ("field", "value"), [("verdict", "maybe"), ("schema_version", "2.0"), ("score", "high"), ("steps", None)]
)
def test_what_is_no_result_breaks_the_schema(field: str, value: object) -> None:
    sent = json.loads(msgspec.json.encode(results.flawed())) | {field: value}
    assert not Draft202012Validator(result_schema()).is_valid(sent)


def test_the_schema_is_itself_a_schema() -> None:
    Draft202012Validator.check_schema(result_schema())
