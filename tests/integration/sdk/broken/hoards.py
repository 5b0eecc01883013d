# SPDX-License-Identifier: Apache-2.0
"""A pipeline that keeps the pictures of whatever is not delivered, to send them later."""

from ovpo_sdk import OvpoClient
from tests.integration.sdk.rendering import FRAMES
from tests.integration.sdk.sound import with_client

COPIES = 400
_unsent: list[list[bytes]] = []


def pipeline(client: OvpoClient) -> str:
    """Keep them without end."""
    if not client.counters().waiting:
        _unsent.clear()
    made = with_client(client)
    if client.configuration.enabled:
        _unsent.append([index.to_bytes(32) * COPIES for index in range(FRAMES)])
    return made
