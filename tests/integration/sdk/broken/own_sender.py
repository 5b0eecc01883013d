# SPDX-License-Identifier: Apache-2.0
"""Telemetry without the SDK, as somebody would write it in an afternoon: one batch a run, from a thread of its own."""

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from queue import SimpleQueue
from threading import Thread
from typing import Any
from uuid import uuid4

import urllib3

from tests.integration.sdk.rendering import FRAMES, at, render, video

TRIES = 3
PAUSE_SECONDS = 0.2
REQUEST_SECONDS = 1.0
OK = 200
Body = dict[str, Any]
Times = tuple[datetime, list[datetime]]


class Sender:
    """Sends the batches of runs, one after the other, until it is told to end."""

    def __init__(self, deliver: Callable[["Sender", Times], None]) -> None:
        self._deliver = deliver
        self._runs: SimpleQueue[Times | None] = SimpleQueue()
        self._pool = urllib3.PoolManager(retries=False, timeout=REQUEST_SECONDS)
        self._thread = Thread(target=self._work, daemon=True)
        self._thread.start()

    def run(self) -> str:
        """Make a video, and have it told."""
        began, pictures, seen = datetime.now(UTC), [], []
        for index in range(FRAMES):
            pictures.append(render(index))
            seen.append(datetime.now(UTC))
        made = video(pictures)
        if os.environ.get("OVPO_TELEMETRY") != "off":
            self._runs.put((began, seen))
        return made

    def end(self) -> None:
        """Send what is left."""
        self._runs.put(None)
        self._thread.join()

    def post(self, body: Body) -> int | None:
        """Send a batch; give the status of the answer, or None where there was none."""
        headers = {
            "Authorization": f"Bearer {os.environ['OVPO_KEY']}",
            "Content-Type": "application/json",
            "Idempotency-Key": body["batch_id"],
        }
        url = f"{os.environ['OVPO_ENDPOINT']}/v1/ingest/batch"
        try:
            return self._pool.request("POST", url, body=json.dumps(body), headers=headers).status
        except urllib3.exceptions.HTTPError:
            return None

    def _work(self) -> None:
        while (times := self._runs.get()) is not None:
            self._deliver(self, times)


def body_of(times: Times) -> Body:
    """Tell of a run, with ids that are made now."""
    began, seen = times
    trace_id, span_id = str(uuid4()), str(uuid4())
    ended = seen[-1].isoformat()
    trace = {
        "type": "trace",
        "schema_version": "0.08",
        "trace_id": trace_id,
        "tenant_id": os.environ["OVPO_TENANT"],
        "status": "COMPLETED",
        "pipeline_config": {"model": "tiny"},
        "input_context": {"prompt_hash": "0" * 64},
        "created_at": began.isoformat(),
        "completed_at": ended,
    }
    span = {
        "type": "span",
        "schema_version": "0.08",
        "span_id": span_id,
        "trace_id": trace_id,
        "span_kind": "SPAN_KIND_SAMPLING",
        "name": "denoise",
        "start_time": began.isoformat(),
        "end_time": ended,
        "status": "OK",
    }
    events = [
        {
            "type": "event",
            "schema_version": "0.08",
            "event_id": str(uuid4()),
            "trace_id": trace_id,
            "span_id": span_id,
            "event_type": "frame_generated",
            "observed_at": when.isoformat(),
            "frame_index": index,
            "media_time_ms": at(index),
        }
        for index, when in enumerate(seen)
    ]
    return {
        "schema_version": "0.08",
        "batch_id": str(uuid4()),
        "sent_at": ended,
        "items": [trace, span, *events],
    }


def pause() -> None:
    """Give the collector a moment."""
    time.sleep(PAUSE_SECONDS)
