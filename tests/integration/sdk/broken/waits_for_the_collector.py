# SPDX-License-Identifier: Apache-2.0
"""A pipeline that has all the time in the world for telemetry to arrive."""

from ovpo_sdk import OvpoClient
from tests.integration.sdk.sound import with_client

PATIENCE_SECONDS = 3600
_sure: list[bool] = []


def pipeline(client: OvpoClient) -> str:
    """Wait until the first video's has."""
    made = with_client(client)
    if client.configuration.enabled and not _sure:
        _sure.append(True)
        client.flush(PATIENCE_SECONDS)
    return made
