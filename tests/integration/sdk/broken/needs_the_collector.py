# SPDX-License-Identifier: Apache-2.0
"""A pipeline that makes sure, with its first video, that telemetry arrives."""

from ovpo_sdk import OvpoClient
from tests.integration.sdk.sound import with_client

PATIENCE_SECONDS = 3
_sure: list[bool] = []


def pipeline(client: OvpoClient) -> str:
    """Raise when it does not."""
    made = with_client(client)
    if client.configuration.enabled and not _sure:
        _sure.append(True)
        if not client.flush(PATIENCE_SECONDS):
            raise RuntimeError("no telemetry, no video")
    return made
