# SPDX-License-Identifier: Apache-2.0
"""The examples that the demo sends keep the contract, and break what they say that they break."""

from datetime import UTC, datetime
from uuid import uuid4

import orjson
import pytest

from ovpo.telemetry import example
from ovpo.telemetry.contract.read import read_batch
from ovpo.telemetry.contract.records import FrameEvent, VideoTrace
from ovpo.telemetry.contract.rules import Reader
from ovpo.telemetry.example import STORIES, Story


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.title)
def test_each_example_keeps_the_contract(story: Story) -> None:
    body = orjson.dumps(example.batch("demo", uuid4(), datetime.now(UTC), story))
    read = read_batch(body, Reader("demo"))
    assert read.errors == ()
    records = [item.record for item in read.accepted]
    assert sum(isinstance(record, FrameEvent) for record in records) == len(story.frames)
    [trace] = [record for record in records if isinstance(record, VideoTrace)]
    assert trace.status is story.status
    assert (trace.failure is None) == (story.failure is None)


def test_one_example_runs_back_in_media_time_and_one_lacks_frames() -> None:
    falling, gapped = 0, 0
    for story in STORIES:
        items = example.batch("demo", uuid4(), datetime.now(UTC), story)["items"]
        times = [item["media_time_ms"] for item in items if item["type"] == "event"]
        falling += times != sorted(times)
        gapped += bool(story.skipped)
    assert (falling, gapped) == (1, 1)


def test_two_examples_share_no_id() -> None:
    first, second = (example.batch("demo", uuid4(), datetime.now(UTC)) for _ in range(2))
    assert first["batch_id"] != second["batch_id"]
    ids = [
        item.get("event_id") or item.get("span_id") or item["trace_id"] for item in (*first["items"], *second["items"])
    ]
    assert len(set(ids)) == len(ids)
