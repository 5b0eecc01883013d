# SPDX-License-Identifier: Apache-2.0
"""A pipeline whose spans have a parent that nobody ever sees."""

from ovpo_sdk import OvpoClient, SpanKind
from tests.integration.sdk.rendering import FRAMES, at, render, video


def pipeline(client: OvpoClient) -> str:
    """Start the outer span and never end it, so that it is never sent."""
    pictures = []
    with client.trace("tiny", prompt="a red fox") as trace:
        outer = trace.span(SpanKind.QUEUE, "outer").start()
        with outer.span(SpanKind.SAMPLING, "inner") as span:
            for index in range(FRAMES):
                pictures.append(render(index))
                span.frame(index, at(index))
    return video(pictures)
