# SPDX-License-Identifier: Apache-2.0
"""The collector and `ovpo schema validate` never disagree: not on an example, and not on anything that can be drawn.

`tests/long` draws twenty times as many.
"""

import json
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings

from ovpo.foundation.settings import tree
from tests.integration.collector.agreement import Bench, Refused, is_single, judgement, opened, sendable, whole
from tests.integration.collector.batches import batch, span, trace
from tests.integration.collector.conftest import Collector
from tests.integration.collector.payloads import EXAMPLES, bodies

PAYLOADS_DRAWN = 400
BODY_BYTES = 5 * 1024 * 1024
LARGE_NUMBERS = {"prompt_hash": "0" * 64, "numbers": [1e15] * 700_000}


@pytest.fixture(scope="module")
def bench(collector: Collector, settings: tree.Settings) -> Iterator[Bench]:
    with opened(collector, settings) as made:
        yield made


def padded(size: int) -> bytes:
    sent = batch(span())
    return sent[:-1] + b" " * (size - len(sent)) + sent[-1:]


@given(bodies)
@settings(
    deadline=None,
    max_examples=PAYLOADS_DRAWN,
    derandomize=True,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
@example(b"")
@example(b"[" * 100_000)
def test_no_payload_divides_the_collector_and_the_command(bench: Bench, body: bytes) -> None:
    collector, command = bench.both(body)
    assert collector == command


@pytest.mark.parametrize(
    "body",
    [
        padded(BODY_BYTES),
        padded(BODY_BYTES + 1),
        batch(*[span()] * 5_000),
        batch(*[span()] * 5_001),
        batch(trace(input_context=LARGE_NUMBERS)).replace(b"1000000000000000.0", b"1e15"),
    ],
    ids=["the largest body", "a body too large", "the most items", "an item too many", "an item that grows"],
)
def test_nothing_large_divides_them(bench: Bench, body: bytes) -> None:
    collector, command = bench.both(body)
    assert collector == command


def test_the_command_prints_of_every_example_what_the_collector_answers(
    collector: Collector, key: dict[str, str]
) -> None:
    files = sorted(file for file in EXAMPLES.glob("*/*") if file.suffix in {".json", ".gz"})
    command = [sys.executable, "-m", "ovpo.cli.main", "schema", "validate", "--json", "--embedded", str(EXAMPLES)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    printed: dict[str, list[Refused]] = {}
    for one in json.loads(done.stdout)["errors"]:
        message = None if one["item_index"] is None else one["message"]
        refused = Refused(one["item_index"], one["item_type"], one["item_id"], one["code"], one["field"], message)
        printed.setdefault(one["file"], []).append(refused)
    assert len(printed) > 200
    answered: dict[str, list[Refused]] = {}
    headers = {"Content-Type": "application/json", **key}
    with httpx.Client(base_url=collector.url, headers=headers, timeout=60) as client:
        for file in files:
            body, packed = file.read_bytes(), file.suffix == ".gz"
            encoding = {"Content-Encoding": "gzip"} if packed else {}
            sent = body if packed else sendable(body)
            answer = judgement(client.post("/v1/ingest/batch", content=sent, headers=encoding))
            if answer.refused:
                answered[str(file)] = list(answer.refused)
    assert answered == printed


@pytest.mark.parametrize("body", [b"[]", b"5", b"null", b"{}", b'{"type":"span"}'])
def test_the_collector_takes_no_item_without_its_batch(bench: Bench, body: bytes) -> None:
    assert is_single(body)
    assert bench.naked(body).taken == 0


def test_the_bench_sees_what_it_compares(bench: Bench) -> None:
    sent = batch(span(), span(name=5), 7)
    taken = bench.both(sent)[0]
    assert (taken.taken, [(one.index, one.code, one.field) for one in taken.refused]) == (
        1,
        [(1, "INVALID_SCHEMA", "$.name"), (2, "INVALID_SCHEMA", "$")],
    )
    assert bench.both(b'{"items":')[0] == whole("INVALID_FORMAT", "$")
