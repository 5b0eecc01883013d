# SPDX-License-Identifier: Apache-2.0
"""The published examples, sent to a real collector: valid ones are taken, invalid ones get the code of their name."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.collector.batches import new_id
from tests.integration.collector.conftest import Collector

EXAMPLES = Path(__file__).parents[3] / "schemas" / "v0.08" / "examples"
BATCH = "ingest_batch"


@pytest.fixture
def client(collector: Collector, key: dict[str, str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=collector.url, headers={"Content-Type": "application/json", **key}, timeout=60) as made:
        yield made


def send(client: httpx.Client, example: Path) -> tuple[int, set[str]]:
    """Send an example, an item in a batch of its own; give the status and every code in the answer."""
    body = example.read_bytes()
    if not example.name.startswith(BATCH) and b'"batch_id"' not in body:
        body = b'{"schema_version":"0.08","batch_id":"%s","sent_at":"2026-11-21T10:00:00Z","items":[%s]}' % (
            new_id().encode(),
            body,
        )
    encoding = {"Content-Encoding": "gzip"} if example.suffix == ".gz" else {}
    answer = client.post("/v1/ingest/batch", content=body, headers=encoding)
    said = answer.json()
    return answer.status_code, {said["error"]["code"]} if "error" in said else {e["code"] for e in said["errors"]}


def test_every_valid_example_is_taken(client: httpx.Client) -> None:
    examples = sorted((EXAMPLES / "valid").iterdir())
    assert examples
    assert {example.name: send(client, example) for example in examples} == {
        example.name: (200, set()) for example in examples
    }


def test_every_invalid_example_is_refused_with_the_code_of_its_name(client: httpx.Client) -> None:
    examples = sorted((EXAMPLES / "invalid").iterdir())
    assert examples
    assert {example.name: send(client, example)[1] for example in examples} == {
        example.name: {example.name.split(".")[2]} for example in examples
    }
