# SPDX-License-Identifier: Apache-2.0
"""A pipeline that numbers its frames by twos."""

from ovpo_sdk import OvpoClient, SpanKind
from tests.integration.sdk.rendering import FRAMES, at, render, video


def pipeline(client: OvpoClient) -> str:
    """Tell each frame twice, as if both fields of an interlaced picture were frames."""
    pictures = []
    with client.trace("tiny", prompt="a red fox") as trace, trace.span(SpanKind.SAMPLING) as span:
        for index in range(FRAMES):
            pictures.append(render(index))
            span.frame(index // 2, at(index // 2))
    return video(pictures)
