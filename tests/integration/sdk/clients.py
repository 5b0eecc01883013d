# SPDX-License-Identifier: Apache-2.0
"""Clients for tests, their settings, and waiting for what a background thread does."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ovpo_sdk import OvpoClient
from ovpo_sdk.testing import Receiver

SOON = 20.0
"""How long a test waits for what has to happen before it fails."""


def client_of(receiver: Receiver, **settings: Any) -> OvpoClient:
    """Make a client of a receiver that nothing but a flush or a trace's end makes send."""
    given: dict[str, Any] = {"flush_seconds": 600.0, "gpu_seconds": 0, "handle_sigterm": False}
    return OvpoClient(receiver.endpoint, receiver.key, **given | settings)


@contextmanager
def a_client(receiver: Receiver, **settings: Any) -> Iterator[OvpoClient]:
    """Make a client and close it after use."""
    made = client_of(receiver, **settings)
    try:
        yield made
    finally:
        made.close()


def until(question: Callable[[], bool], seconds: float = SOON) -> bool:
    """Ask until the answer is yes, or the time is up."""
    end = time.monotonic() + seconds
    while not question():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True
