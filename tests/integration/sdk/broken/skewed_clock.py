# SPDX-License-Identifier: Apache-2.0
"""A pipeline with two workers, one of whose clocks is nine seconds slow."""

from datetime import UTC, datetime, timedelta

from ovpo_sdk import OvpoClient, SpanKind
from tests.integration.sdk.rendering import FRAMES, at, render, video

SLOW = timedelta(seconds=9)


def pipeline(client: OvpoClient) -> str:
    """Have the workers take turns."""
    pictures = []
    with client.trace("tiny", prompt="a red fox") as trace, trace.span(SpanKind.SAMPLING) as span:
        for index in range(FRAMES):
            pictures.append(render(index))
            now = datetime.now(UTC)
            span.frame(index, at(index), observed_at=now - SLOW if index % 2 else now)
    return video(pictures)
