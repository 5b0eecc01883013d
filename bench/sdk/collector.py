# SPDX-License-Identifier: Apache-2.0
"""A collector in a process of its own, so that what it costs is not counted as the SDK's."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ovpo_sdk.testing.receiver import Receiver


@contextmanager
def collector() -> Iterator[tuple[str, str]]:
    """Run one; give its address and key."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.sdk.collector"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            endpoint, key = process.stdout.readline().split()
            yield endpoint, key
        finally:
            process.communicate()


def main() -> None:
    """Take telemetry until nobody holds the other end of standard input."""
    with Receiver() as receiver:
        print(receiver.endpoint, receiver.key, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
