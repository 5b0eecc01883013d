# SPDX-License-Identifier: Apache-2.0
"""A process that uses a spool and tells on its standard output what it has done, for tests that kill it.

`python -m tests.integration.sdk.spool_child WHAT FOLDER OWNER …`
"""

import os
import resource
import sys
from itertools import count
from pathlib import Path

from ovpo_sdk.transport.chunks import Chunk, Lane
from ovpo_sdk.transport.spool import Spool, SpoolError

LIMIT_BYTES = 1_000_000_000
PAYLOAD = os.urandom(1_000_000)
"""Large and made once: what a process that puts it again and again does most of the time is writing."""
WITHOUT_END = (10**9, 10**12, 10**9)


def numbered(number: int, size: int = 10) -> Chunk:
    """Make a chunk of so many bytes that says which one it is."""
    lane = Lane.PRECIOUS if number % 3 == 0 else Lane.ORDINARY
    return Chunk(lane, PAYLOAD[:size], 2, 0, size, {f"{number}": 2}, squeezed=True)


def number_of(chunk: Chunk) -> int:
    """Say which one it is."""
    [number] = chunk.frames_of
    return int(number)


def say(text: object) -> None:
    """Tell whoever started this process, in one piece."""
    os.write(1, f"{text}\n".encode())


def put(spool: Spool, first: str) -> None:
    """Put chunks without end, and tell of each when it is put."""
    for number in count(int(first)):
        spool.put(numbered(number, len(PAYLOAD)))
        say(number)


def put_small(spool: Spool, first: str, many: str) -> None:
    """Put so many chunks, and stay."""
    for number in range(int(first), int(first) + int(many)):
        spool.put(numbered(number))
        say(number)
    sys.stdin.read()


def adopt(spool: Spool) -> None:
    """When told to, take over what there is, tell what it is, and stay."""
    say("ready")
    sys.stdin.readline()
    spool.adopt()
    for stored in spool.next(*WITHOUT_END):
        say(number_of(stored.chunk()))
    say("done")
    sys.stdin.read()


def churn(spool: Spool, first: str, many: str) -> None:
    """Put so many chunks, each in a folder of its own, take over what there is each time, and tell what was taken."""
    say("ready")
    sys.stdin.readline()
    for number in range(int(first), int(first) + int(many)):
        spool.put(numbered(number))
        spool.close()
        spool.adopt()
        given = spool.next(*WITHOUT_END)
        for stored in given:
            say(number_of(stored.chunk()))
        spool.remove(given)
    spool.close()
    say("done")


def fork(spool: Spool) -> None:
    """Put 1, fork, and have the child put 2; parent and child tell which they are, and stay."""
    spool.put(numbered(1))
    if os.fork() == 0:
        spool.after_fork_in_child()
        spool.put(numbered(2))
        say(f"child {os.getpid()} {[number_of(stored.chunk()) for stored in spool.next(*WITHOUT_END)]}")
    else:
        say(f"parent {os.getpid()} {[number_of(stored.chunk()) for stored in spool.next(*WITHOUT_END)]}")
    sys.stdin.read()


def full(spool: Spool, size: str) -> None:
    """Put a chunk, one for which the disk has no room, and another one."""
    spool.put(numbered(1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
    try:
        spool.put(numbered(2, 2 * int(size)))
    except SpoolError as error:
        say(error)
    spool.put(numbered(3))
    say([number_of(stored.chunk()) for stored in spool.next(*WITHOUT_END)])


if __name__ == "__main__":
    what, folder, owner, *arguments = sys.argv[1:]
    globals()[what](Spool(Path(folder), owner, LIMIT_BYTES), *arguments)
