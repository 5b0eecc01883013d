# SPDX-License-Identifier: Apache-2.0
"""A pipeline that does a tenth of its work once more, for telemetry alone."""

from ovpo_sdk import OvpoClient, SpanKind
from tests.integration.sdk.rendering import FRAMES, ROUNDS, at, quality, render, video

TENTH = ROUNDS // 10


def pipeline(client: OvpoClient) -> str:
    """Reckon the metrics of each frame from a small copy that is made for them, on the pipeline's own thread."""
    pictures = []
    watched = client.configuration.enabled
    with client.trace("tiny", prompt="a red fox") as trace, trace.span(SpanKind.SAMPLING) as span:
        for index in range(FRAMES):
            pictures.append(render(index))
            if watched:
                span.frame(index, at(index), quality=quality(render(index, TENTH)))
    return video(pictures)
