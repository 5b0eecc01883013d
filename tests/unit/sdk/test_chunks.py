# SPDX-License-Identifier: Apache-2.0
"""A chunk: the same items, squeezed or not."""

import json

from hypothesis import given
from hypothesis import strategies as st

from ovpo_sdk.transport.chunks import OVERHEAD_BYTES, Chunk, Lane

LINES = st.lists(st.text().map(lambda text: json.dumps({"type": "event", "text": text}).encode()), min_size=1)


def chunk(lines: list[bytes]) -> Chunk:
    payload = b"\n".join(lines)
    return Chunk(Lane.ORDINARY, payload, len(lines), 0, len(payload), {"a": 1, "b": len(lines) - 1})


@given(LINES)
def test_squeezing_changes_the_size_alone(lines: list[bytes]) -> None:
    raw = chunk(lines)
    squeezed = raw.squeeze()
    assert squeezed.squeezed
    assert squeezed.lines() == raw.lines() == lines
    assert (squeezed.items, squeezed.raw_bytes, squeezed.frames_of) == (raw.items, raw.raw_bytes, raw.frames_of)
    assert squeezed.frames == len(lines)
    assert squeezed.held_bytes == len(squeezed.payload) + OVERHEAD_BYTES


@given(LINES)
def test_squeezing_again_changes_nothing(lines: list[bytes]) -> None:
    squeezed = chunk(lines).squeeze()
    assert squeezed.squeeze() is squeezed


def test_frame_events_shrink_to_a_sixth_or_less() -> None:
    lines = [b'{"type":"event","frame_index":%d,"media_time_ms":%d}' % (n, 40 * n) for n in range(1_000)]
    raw = chunk(lines)
    assert raw.squeeze().held_bytes < raw.held_bytes / 6
