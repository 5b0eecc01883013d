# SPDX-License-Identifier: Apache-2.0
"""Whether the frames of a trace are numbered as the contract wants them. Pure."""

from collections.abc import Iterator
from typing import Final

from ovpo_sdk.records import FrameRecord
from ovpo_sdk.testing.findings import Finding, judged, not_applicable
from ovpo_sdk.testing.recording import Recording

NAME: Final = "frame-order"
ASKS: Final = "Among a trace's events of one type, frame_index strictly rises: no frame is told twice."


def check(recording: Recording) -> Finding:
    """Judge what one run sent."""
    if not recording.frames:
        return not_applicable(NAME, "no frame event arrived")
    return judged(NAME, _faults(recording), f"each of {len(recording.frames)} frame events has an index of its own")


def _faults(recording: Recording) -> Iterator[str]:
    for frames in recording.passes():
        first: dict[int, FrameRecord] = {}
        for frame in frames:
            known = first.setdefault(frame.frame_index, frame)
            if known is not frame:
                yield (
                    f"trace {frame.trace_id} has frame {frame.frame_index} twice as {frame.event_type} (events "
                    f"{known.event_id} and {frame.event_id}): number frames through the whole trace, and tell a "
                    "second look at one as EventType.SAMPLED"
                )
