# SPDX-License-Identifier: Apache-2.0
"""A pipeline that begins a trace and never ends it."""

from ovpo_sdk import OvpoClient, SpanKind
from tests.integration.sdk.rendering import FRAMES, at, render, video


def pipeline(client: OvpoClient) -> str:
    """Forget `complete`."""
    trace = client.trace("tiny", prompt="a red fox").start()
    pictures = []
    with trace.span(SpanKind.SAMPLING) as span:
        for index in range(FRAMES):
            pictures.append(render(index))
            span.frame(index, at(index))
    return video(pictures)
