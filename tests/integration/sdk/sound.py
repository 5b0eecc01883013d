# SPDX-License-Identifier: Apache-2.0
"""Pipelines that do as they should: one for each way in which the compliance suite can call one."""

import sys

from ovpo_sdk import OvpoClient, SpanKind
from tests.integration.sdk.rendering import FRAMES, at, quality, render, video


def with_client(client: OvpoClient) -> str:
    """Be handed a client."""
    pictures = []
    with client.trace("tiny", prompt="a red fox", seed=7, expected_frames=FRAMES) as trace:
        with trace.span(SpanKind.LOAD, "load") as load, load.span(SpanKind.TEXT_ENCODE, "encode", {"custom.tokens": 3}):
            render(0)
        with trace.span(SpanKind.SAMPLING, "denoise", {"custom.steps": FRAMES}) as span:
            for index in range(FRAMES):
                pictures.append(render(index))
                span.frame(index, at(index), step=index, quality=quality(pictures[-1]))
    return video(pictures)


async def awaited(client: OvpoClient) -> str:
    """Be a coroutine function."""
    return with_client(client)


def by_itself() -> str:
    """Make a client, and close it."""
    with OvpoClient() as client:
        return with_client(client)


def talkative(client: OvpoClient) -> str:
    """Print, and read what is typed."""
    sys.stdout.write(f"{sys.stdin.read()}\n")
    return with_client(client)


if __name__ == "__main__":
    sys.stdout.write(by_itself() + "\n")
