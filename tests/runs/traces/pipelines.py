# SPDX-License-Identifier: Apache-2.0
"""Traces to measure: builders on top of the collector's, so that a test says only what is wrong with its trace."""

from collections.abc import Iterable
from typing import Any

from tests.integration.collector.batches import Item, event, new_id, span, trace

KIND = "SPAN_KIND_SAMPLING"


def frames(trace_id: str, span_id: str, indices: Iterable[int], **changes: Any) -> list[Item]:
    """Make frame events of a span, one an index."""
    return [event(trace_id, index) | {"span_id": span_id} | changes for index in indices]


def pipeline(indices: Iterable[int] = range(10), *, trace_id: str | None = None, **changes: Any) -> list[Item]:
    """Make a whole trace: its record, a span of ten seconds on an H100, and its frames; changes are the record's."""
    one, sampling = trace_id or new_id(), new_id()
    record = trace(one, pipeline_config={"model": "wan-2"}, **changes)
    return [record, worked(one, sampling), *frames(one, sampling, indices)]


def worked(trace_id: str, span_id: str, **attributes: Any) -> Item:
    """Make a span of ten seconds on an H100: forty compute units."""
    return span(
        trace_id,
        span_id=span_id,
        status="OK",
        end_time="2026-11-21T12:00:10Z",
        attributes={"gpu.model": "h100", **attributes},
    )
