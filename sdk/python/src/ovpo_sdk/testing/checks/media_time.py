# SPDX-License-Identifier: Apache-2.0
"""Whether the time inside the video goes on with its frames. Pure."""

from collections.abc import Iterator
from typing import Final

from ovpo_sdk.testing.findings import Finding, judged, not_applicable
from ovpo_sdk.testing.recording import Recording

NAME: Final = "media-time"
ASKS: Final = "In the order of frame_index, media_time_ms never falls."


def check(recording: Recording) -> Finding:
    """Judge what one run sent."""
    if not recording.frames:
        return not_applicable(NAME, "no frame event arrived")
    latest = max(frame.media_time_ms for frame in recording.frames)
    return judged(NAME, _faults(recording), f"never falls on the way to {latest:g} ms")


def _faults(recording: Recording) -> Iterator[str]:
    for trace_id, frames in recording.frames_of().items():
        furthest = frames[0]
        for frame in frames:
            if frame.media_time_ms < furthest.media_time_ms:
                yield (
                    f"frame {frame.frame_index} of trace {trace_id} (event {frame.event_id}) is at "
                    f"{frame.media_time_ms:g} ms of the video, before the {furthest.media_time_ms:g} ms of frame "
                    f"{furthest.frame_index}: reckon media_time_ms from the index, as index * 1000 / fps"
                )
            else:
                furthest = frame
