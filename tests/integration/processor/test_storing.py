# SPDX-License-Identifier: Apache-2.0
"""What is in the queue is in the stores, once, whole, and settled."""

import pytest

from ovpo.foundation.settings.tree import Settings
from tests.integration.collector.batches import event, new_id, span, trace
from tests.integration.processor.conftest import Kept, Processor, queue_up, settled

pytestmark = pytest.mark.usefixtures("processor")


def test_a_trace_its_spans_and_its_frames_are_stored_and_settled(
    processor: Processor, settings: Settings, kept: Kept
) -> None:
    one, at = new_id(), new_id()
    frames = [event(one, index) | {"span_id": at} for index in range(50)]
    queue_up(settings.broker, trace(one), span(one, span_id=at), *frames)
    summary = settled(kept, one, lambda found: bool(found["frames"] == 50))
    assert (summary["spans"], summary["frame_events"], summary["unknown_spans"]) == (1, 50, 0)
    stored = kept.trace(one)
    assert stored is not None
    assert (stored["status"], stored["findings"]) == ("COMPLETED", 0)
    assert len(kept.frames(one)) == 50
