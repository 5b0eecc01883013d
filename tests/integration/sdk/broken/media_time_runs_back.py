# SPDX-License-Identifier: Apache-2.0
"""A pipeline that counts its media time from the end of each window of frames."""

from ovpo_sdk import OvpoClient, SpanKind
from tests.integration.sdk.rendering import FRAMES, at, render, video

WINDOW = 16


def pipeline(client: OvpoClient) -> str:
    """Begin anew with every window."""
    pictures = []
    with client.trace("tiny", prompt="a red fox") as trace, trace.span(SpanKind.SAMPLING) as span:
        for index in range(FRAMES):
            pictures.append(render(index))
            span.frame(index, at(index % WINDOW))
    return video(pictures)
