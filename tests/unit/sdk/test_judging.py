# SPDX-License-Identifier: Apache-2.0
"""The receiver judges the examples of the published schemas as the schemas do."""

import json
from pathlib import Path

import pytest

from ovpo_sdk.testing.judging import RefusedBatchError, judge
from tests.integration.sdk.batches import AT, new_id

EXAMPLES = Path(__file__).resolve().parents[3] / "schemas" / "v0.08" / "examples"
BEYOND_TYPES = {
    "event.leap_second",
    "event.whole_number_with_a_point",
    "ingest_batch.items_twice",
    "ingest_batch.name_twice",
    "span.start_time_date_time_with_a_space",
    "span.start_time_of_41_characters",
    "span.start_time_offset_without_colon",
    "span.start_time_year_1969",
    "span.start_time_year_2200",
    "trace.name_twice",
    "trace.name_twice_hidden_by_escapes",
    "trace.name_twice_in_an_open_object",
}
"""Ways of writing that are gone once a text is decoded; no encoder of ours can write them."""


def examples(kind: str) -> list[Path]:
    found = sorted((EXAMPLES / kind).glob("*.json"))
    assert found
    return [path for path in found if ".".join(path.name.split(".")[:2]) not in BEYOND_TYPES]


def as_batch(path: Path) -> bytes:
    text = path.read_bytes()
    if path.name.startswith("ingest_batch.") or b'"items"' in text:
        return text
    envelope = {"schema_version": "0.08", "batch_id": new_id(), "sent_at": AT.isoformat(), "items": ["ITEM"]}
    return json.dumps(envelope).encode().replace(b'"ITEM"', text)


def codes(body: bytes) -> list[str]:
    try:
        return [fault.code for fault in judge(body, "demo").faults]
    except RefusedBatchError as error:
        return [error.breach.code]


@pytest.mark.parametrize("path", examples("valid"), ids=lambda path: path.name)
def test_valid_examples_are_good(path: Path) -> None:
    assert codes(as_batch(path)) == []


@pytest.mark.parametrize("path", examples("invalid"), ids=lambda path: path.name)
def test_invalid_examples_are_refused_with_their_code(path: Path) -> None:
    assert path.name.split(".")[-2] in codes(as_batch(path))
