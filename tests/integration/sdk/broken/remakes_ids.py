# SPDX-License-Identifier: Apache-2.0
"""A pipeline that makes the whole batch anew for every try."""

import atexit

from tests.integration.sdk.broken.own_sender import OK, TRIES, Sender, Times, body_of, pause


def deliver(sender: Sender, times: Times) -> None:
    """Try again with other ids."""
    for _ in range(TRIES):
        if sender.post(body_of(times)) == OK:
            return
        pause()


_sender = Sender(deliver)
pipeline = _sender.run
atexit.register(_sender.end)
